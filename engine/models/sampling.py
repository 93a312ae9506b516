"""From noise to latents over a UNet: named samplers; each row has its own guidance and mixture."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.core.errors import EngineError
from engine.models import schedulers
from engine.models.checkpoints import first_line
from engine.models.mixture import Mixture

SAMPLERS = {
    "dpmsolver++": "DPMSolverMultistepScheduler",
    "ddim": "DDIMScheduler",
    "euler": "EulerDiscreteScheduler",
    "default": "",
}
"""diffusers' schedulers, made with the checkpoint's own noise schedule; "default" is the one it
came with.
"""

USUAL_STEPS = 20
"""A number that every scheduler can do."""

Callback = Callable[[int, int, Tensor], None]
"""After each step: steps done, steps in all, latents (n, c, h, w). What it raises ends the
painting.
"""


@dataclass(frozen=True)
class Embeddings:
    """What a UNet reads of the text: (n, tokens, dim); SDXL's also reads (n, dim) and (n, 6)."""

    tokens: Tensor
    pooled: Tensor | None = None
    time_ids: Tensor | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    @staticmethod
    def cat(parts: "Sequence[Embeddings]") -> "Embeddings":
        """The rows of all parts, one after another."""
        tokens = torch.cat([part.tokens for part in parts])
        if parts[0].pooled is None:
            return Embeddings(tokens)
        extras = (
            torch.cat([getattr(part, name) for part in parts]) for name in ("pooled", "time_ids")
        )
        return Embeddings(tokens, *extras)

    def conditions(self) -> dict[str, Any]:
        """Keyword arguments of a UNet's forward."""
        if self.pooled is None:
            return {"encoder_hidden_states": self.tokens}
        added = {"text_embeds": self.pooled, "time_ids": self.time_ids}
        return {"encoder_hidden_states": self.tokens, "added_cond_kwargs": added}


@dataclass(frozen=True)
class Batch:
    """What one run of the loop paints: n rows of each, one of `empty`, n or 1 of `mix`."""

    start: Tensor
    """Standard normal, (n, c, h, w)."""
    text: Embeddings
    empty: Embeddings
    guidance: Tensor
    mixture: Mixture | None = None
    mix: Tensor | None = None


def scheduler(pipe: Any, sampler: str) -> Any:
    """A fresh scheduler with the pipeline's own noise schedule.

    Raises EngineError for an unknown name, for one that the noise schedule does not suit, and for
    the checkpoint's own where a picture would not keep to its seed.
    """
    import diffusers

    if sampler not in SAMPLERS:
        raise EngineError(f"No sampler called {sampler!r}. Choose one of {', '.join(SAMPLERS)}.")
    own = type(pipe.scheduler)
    if sampler != "default" and "FlowMatch" in own.__name__:
        raise EngineError(
            f"A {type(pipe).__name__} has a sampler of its own. Choose sampler 'default'."
        )
    kind = getattr(diffusers, SAMPLERS[sampler]) if SAMPLERS[sampler] else own
    changes = {"algorithm_type": "dpmsolver++"} if sampler == "dpmsolver++" else {}
    try:
        made = kind.from_config(pipe.scheduler.config, **changes)
        drawn = sampler == "default" and schedulers.draws_noise(made)
    except Exception as error:  # foreign files in a foreign library: it may raise anything
        raise EngineError(
            f"This checkpoint's noise schedule does not suit sampler {sampler!r}: "
            f"{kind.__name__} says {first_line(error)!r}. "
            f"{_other_sampler(kind)}"
        ) from error
    if drawn:
        raise EngineError(
            f"This checkpoint's own {kind.__name__} draws new noise at every step, so that a "
            "picture "
            f"would depend on its batch. {_other_sampler(kind)}"
        )
    return made


def _other_sampler(kind: type) -> str:
    if "FlowMatch" not in kind.__name__:
        return f"Choose sampler {', '.join(name for name, known in SAMPLERS.items() if known)}."
    return (
        "Write FlowMatchEulerDiscreteScheduler without stochastic_sampling into its "
        "scheduler/scheduler_config.json and model_index.json."
    )


def noise(seeds: Sequence[int], shape: tuple[int, ...]) -> Tensor:
    """(n, *shape) standard normal in float32, each row from a CPU generator of its own seed."""
    return torch.stack(
        [torch.randn(shape, generator=torch.Generator("cpu").manual_seed(s)) for s in seeds]
    )


@torch.no_grad()
def sample(
    unet: Any, schedule: Any, batch: Batch, steps: int, callback: Callback | None = None
) -> Tensor:
    """Latents (n, c, h, w) in float32, scaled as the UNet sees them.

    Classifier-free guidance ([Ho and Salimans](https://arxiv.org/abs/2207.12598), eq. 6, with g = 1
    + w): eps = eps_empty + g (eps_text - eps_empty). A row with g <= 1 is the text's prediction
    alone, once. Raises EngineError where the schedule cannot be walked in so many steps.
    """
    _set_steps(schedule, steps, batch.start.device)
    guided = (batch.guidance > 1).nonzero()[:, 0]
    scale = batch.guidance[guided].view(-1, 1, 1, 1)
    conditions = Embeddings.cat([*[batch.empty] * len(guided), batch.text]).conditions()
    latents = batch.start * schedule.init_noise_sigma
    with _mixed(batch, guided):
        for step, t in enumerate(schedule.timesteps, 1):
            rows = schedule.scale_model_input(torch.cat([latents[guided], latents]), t)
            rows = rows.to(unet.dtype, memory_format=torch.channels_last)
            predicted = unet(rows, t, **conditions, return_dict=False)[0].to(latents.dtype)
            empty, text = predicted[: len(guided)], predicted[len(guided) :]
            text = text.index_put((guided,), empty + scale * (text[guided] - empty))
            latents = schedule.step(text, t, latents, return_dict=False)[0]
            if callback:
                callback(step, len(schedule.timesteps), latents)
    return latents


def _set_steps(schedule: Any, steps: int, device: torch.device) -> None:
    """Some need a few steps at least (PNDM's warm-up), others take no more than they learnt."""
    try:
        schedule.set_timesteps(steps, device=device)
    except (ValueError, LookupError) as error:
        raise EngineError(
            f"{type(schedule).__name__} cannot paint in {steps} steps "
            f"({first_line(error)}). Choose another number of them, such as "
            f"{USUAL_STEPS}."
        ) from error


def _mixed(batch: Batch, guided: Tensor) -> AbstractContextManager[None]:
    """Folded where all rows have one mix: the weights hold for many steps, and the layers then cost
    nothing more.
    """
    if batch.mixture is None or batch.mix is None:
        return nullcontext() if batch.mixture is None else batch.mixture.mix(None)
    if (batch.mix == batch.mix[0]).all():
        return batch.mixture.folded(batch.mix[0])
    return batch.mixture.mix(torch.cat([batch.mix[guided.to(batch.mix.device)], batch.mix]))
