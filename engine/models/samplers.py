"""Samplers by name: which of diffusers' schedulers walks from noise to latents. No torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from engine.core.errors import EngineError
from engine.models.checkpoints import first_line

if TYPE_CHECKING:
    from engine.models.families import Family


@dataclass(frozen=True)
class Sampler:
    """A scheduler of diffusers, and how it is made of the checkpoint's own configuration."""

    scheduler: str
    changes: Mapping[str, Any] = field(default_factory=dict)


DEFAULT = "default"
"""The scheduler that the checkpoint came with."""
OF_DIFFUSION: Mapping[str, Sampler] = {
    "dpmsolver++": Sampler("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++"}),
    "ddim": Sampler("DDIMScheduler"),
    "euler": Sampler("EulerDiscreteScheduler"),
}
"""For families with a noise schedule of alpha-bar."""
SAMPLERS = (*OF_DIFFUSION, DEFAULT)
"""Every name there is; a family may do without some of them."""


def of_flow_matching(shift: float) -> Mapping[str, Sampler]:
    """For families that walk along a straight line; `shift` moves its steps towards noise."""
    flow = {
        "algorithm_type": "dpmsolver++",
        "prediction_type": "flow_prediction",
        "use_flow_sigmas": True,
        "flow_shift": shift,
        "use_dynamic_shifting": False,  # the shift is told: it would write into a frozen config
    }
    return {
        "dpmsolver++": Sampler("DPMSolverMultistepScheduler", flow),
        "euler": Sampler("FlowMatchEulerDiscreteScheduler", {"stochastic_sampling": False}),
    }


def scheduler(pipe: Any, sampler: str, family: "Family | None" = None) -> Any:
    """A fresh scheduler with the pipeline's own noise schedule.

    Raises EngineError for an unknown name, for one that the noise schedule does not suit, and for
    the checkpoint's own where a picture would not keep to its seed.
    """
    if sampler not in SAMPLERS:
        raise EngineError(f"No sampler called {sampler!r}. Choose one of {', '.join(SAMPLERS)}.")
    choices = _choices(pipe, family)
    if sampler != DEFAULT and sampler not in choices:
        names = ", ".join([*choices, DEFAULT])
        raise EngineError(
            f"A {type(pipe).__name__} is not painted by {sampler!r}. Choose sampler {names}."
        )
    if sampler == DEFAULT:
        return _of_checkpoint(pipe, choices)
    chosen = choices[sampler]
    return _build(pipe, _class(chosen.scheduler), chosen.changes, sampler, choices)


def _choices(pipe: Any, family: "Family | None") -> Mapping[str, Sampler]:
    if family is not None:
        return family.samplers(pipe)
    return {} if flows(type(pipe.scheduler)) else OF_DIFFUSION


def _of_checkpoint(pipe: Any, choices: Mapping[str, Sampler]) -> Any:
    from engine.models import schedulers

    kind = type(pipe.scheduler)
    schedule = _build(pipe, kind, {}, DEFAULT, choices)
    try:
        draws = schedulers.draws_noise(schedule)
    except Exception as error:  # foreign files in a foreign library: it may raise anything
        raise _unsuited(kind, DEFAULT, error, choices) from error
    if draws:
        raise EngineError(
            f"This checkpoint's own {kind.__name__} draws new noise at every step, so that a "
            f"picture would depend on its batch. {_remedy(kind, choices)}"
        )
    return schedule


def _build(
    pipe: Any, kind: Any, changes: Mapping[str, Any], sampler: str, choices: Mapping[str, Sampler]
) -> Any:
    try:
        return kind.from_config(pipe.scheduler.config, **changes)
    except Exception as error:  # foreign files in a foreign library: it may raise anything
        raise _unsuited(kind, sampler, error, choices) from error


def _unsuited(
    kind: type, sampler: str, error: Exception, choices: Mapping[str, Sampler]
) -> EngineError:
    return EngineError(
        f"This checkpoint's noise schedule does not suit sampler {sampler!r}: "
        f"{kind.__name__} says {first_line(error)!r}. {_remedy(kind, choices)}"
    )


def _remedy(kind: type, choices: Mapping[str, Sampler]) -> str:
    if choices:
        return f"Choose sampler {', '.join(choices)}."
    return (
        "Write FlowMatchEulerDiscreteScheduler without stochastic_sampling into its "
        "scheduler/scheduler_config.json and model_index.json."
    )


def _class(name: str) -> Any:
    import diffusers

    return getattr(diffusers, name)


def flows(kind: type) -> bool:
    """Whether a scheduler belongs to flow matching: the others cannot read its configuration."""
    return "FlowMatch" in kind.__name__
