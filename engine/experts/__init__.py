"""Stage 3: LoRA experts learn from the pictures of their skills, all of them in one forward pass of
the base.

Reads images/<skill>/ and writes experts/<name>/. An expert's data, order and noise depend on its
own name and seed alone, so it comes out the same whoever trains beside it; one expert alone is the
same code.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.core import names, options, plugins, texts
from engine.core.config import build
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.store import Store
from engine.experts import objectives
from engine.models import targets
from engine.models.checkpoints import check_base
from engine.option_groups import BaseModel

TELLS = "it shows how the training goes, and changes no weight"


@dataclass(frozen=True, kw_only=True)
class Training:
    """How one expert is trained; `Config.overrides` changes any of it for one of them."""

    rank: int = field(
        default=16, metadata={"help": "Rank of the LoRA; SELMA: 128", "range": (1, 1024)}
    )
    alpha: float = field(
        default=16.0,
        metadata={"help": "The delta is scaled by alpha / rank", "range": (0.01, 4096.0)},
    )
    targets: tuple[str, ...] = field(
        default=("to_q", "to_k", "to_v", "to_out.0"),
        metadata={"help": "Linear layers that get a LoRA, by the ends of their names"},
    )
    init: Literal["gaussian", "kaiming"] = field(
        default="gaussian",
        metadata={"help": "How A starts: as in diffusers and SELMA, or as in peft"},
    )
    same_start: bool = field(
        default=False, metadata={"help": "Start every expert from the same A, as SELMA does"}
    )
    learning_rate: float = field(
        default=3e-4, metadata={"help": "AdamW's; SELMA: 3e-4", "range": (1e-7, 1.0)}
    )
    schedule: Literal["constant", "cosine"] = field(
        default="constant",
        metadata={"help": "SELMA's rate is constant; a cosine anneals it to zero"},
    )
    warmup_steps: int = field(
        default=0, metadata={"help": "Steps of linear warm-up", "range": (0, 100_000)}
    )
    steps: int = field(
        default=300,
        metadata={
            "help": "Optimiser steps; SELMA: 5,000",
            "range": (1, 1_000_000),
            "most_in_app": 50_000,
        },
    )
    batch_size: int = field(
        default=8,
        metadata={
            "help": "Pictures of this expert a forward",
            "range": (1, 4096),
            "most_in_app": 256,
        },
    )
    accumulation: int = field(
        default=1, metadata={"help": "Forwards a step", "range": (1, 1024), "most_in_app": 128}
    )
    caption_dropout: float = field(
        default=0.1,
        metadata={
            "help": "Share of captions left empty, so that guidance stays calibrated; SELMA: 0",
            "range": (0.0, 1.0),
        },
    )
    flip: bool = field(
        default=False,
        metadata={
            "help": "Mirror half the latents; wrong for captions that say left or right; SELMA: on"
        },
    )
    ema: float = field(
        default=0.0,
        metadata={"help": "Decay of averaged weights; 0 is off", "range": (0.0, 0.99999)},
    )
    max_grad_norm: float = field(
        default=1.0, metadata={"help": "Clip each expert's gradient; 0 is off", "range": (0.0, 1e6)}
    )
    weight_decay: float = field(default=0.01, metadata={"help": "AdamW's", "range": (0.0, 1.0)})
    patience: int = field(
        default=0,
        metadata={
            "help": "Stop early after so many held-out losses without a new best, and keep the best weights; 0 never stops",
            "range": (0, 1000),
        },
    )


@dataclass(frozen=True, kw_only=True)
class Config(BaseModel, Training):
    """Which experts learn from which skills on which base; the options above hold for all of them."""

    experts: dict[str, list[str]] = field(
        metadata={
            "help": "Skills that each expert learns from, by its name",
            "grows": True,
            "recorded": "each expert's name, skills and images",
        }
    )
    shards: dict[str, list[int]] = field(
        default_factory=dict,
        metadata={
            "help": "Experts that see a random part of their skills' pictures: [index, of how many, "
            "seed]",
            "grows": True,
            "recorded": "as each expert's shard",
        },
    )
    overrides: dict[str, dict[str, Any]] = field(
        default_factory=dict,
        metadata={
            "help": "Options of single experts, by name",
            "grows": True,
            "recorded": "in each expert's options",
        },
    )
    objective: str = field(default="denoise", metadata={"help": "What is minimised"})
    options: dict[str, Any] = field(
        default_factory=dict,
        metadata={"help": "The objective's own options", "recorded": "as options"},
    )
    seed: int = field(
        default=42, metadata={"help": "Start, order and noise", "range": (0, 2**31 - 1)}
    )
    precision: Literal["fp32", "bf16"] = field(
        default="fp32",
        metadata={
            "help": "Of the base and its activations; the LoRA itself always learns in float32"
        },
    )
    timesteps: Literal["uniform", "logit_normal"] = field(
        default="uniform",
        metadata={
            "help": "On the way to noise, learn everywhere alike, or mostly in the middle, as SD 3"
        },
    )
    recompute: bool = field(
        default=False,
        metadata={
            "help": "Compute activations again in the backward pass instead of keeping them: slower, "
            "far less memory",
            "decides": False,
            "why": "the same numbers, computed twice",
        },
    )
    held_out: float = field(
        default=0.05,
        metadata={
            "help": "Share of each skill's pictures kept out of training",
            "range": (0.0, 0.5),
        },
    )
    log_every: int = field(
        default=10,
        metadata={
            "help": "Steps between points of the curve",
            "range": (1, 100_000),
            "decides": False,
            "why": TELLS,
        },
    )
    held_out_every: int = field(
        default=50,
        metadata={
            "help": "Steps between held-out losses",
            "range": (1, 100_000),
            "most_times_in_app": 1_000,
            "decides": False,
            "why": "it only tells, unless an expert may stop early: then it is recorded",
        },
    )
    checkpoint_every: int = field(
        default=100,
        metadata={
            "help": "Steps between checkpoints",
            "range": (1, 100_000),
            "most_times_in_app": 1_000,
            "decides": False,
            "why": TELLS,
        },
    )
    snapshot_every: int = field(
        default=0,
        metadata={
            "help": "Steps between LoRA files that are kept, as <expert>/step-<step>; 0 is none",
            "range": (0, 100_000),
            "most_times_in_app": 200,
            "decides": False,
            "why": TELLS,
        },
    )
    sample_every: int = field(
        default=100,
        metadata={
            "help": "Steps between samples; 0 is none",
            "range": (0, 100_000),
            "most_times_in_app": 200,
            "decides": False,
            "why": TELLS,
        },
    )
    samples: int = field(
        default=4,
        metadata={
            "help": "Sample pictures an expert",
            "range": (0, 64),
            "most_in_app": 16,
            "decides": False,
            "why": TELLS,
        },
    )
    sample_prompts: list[str] = field(
        default_factory=list,
        metadata={
            "help": "What they show; the expert's held-out captions if empty",
            "decides": False,
            "why": TELLS,
        },
    )
    replace: bool = field(
        default=False,
        metadata={
            "help": "Train anew what other options or pictures trained",
            "decides": False,
            "why": "what to do with older work",
        },
    )
    sample_guidance: float = field(
        default=3.5,
        metadata={
            "help": "Their guidance scale",
            "range": (0.0, 50.0),
            "decides": False,
            "why": TELLS,
        },
    )
    sample_steps: int = field(
        default=20,
        metadata={
            "help": "Their sampling steps",
            "range": (1, 1000),
            "most_in_app": 250,
            "decides": False,
            "why": TELLS,
        },
    )

    def training(self, name: str) -> Training:
        """One expert's options. Raises EngineError for an override that is no option."""
        return build(
            Training,
            options.values(self, Training) | self.overrides.get(name, {}),
            where=f"overrides: {name}",
        )


def run(config: Config, store: Store) -> Iterator[Event]:
    """Train every expert that is not finished. Raises EngineError, naming the remedy; `Stopped`
    saves first.
    """
    check(config)
    objective = plugins.load(objectives, config.objective)
    options = _options(config)
    from engine.experts.session import Session

    yield from Session(config, store, objective, options).run()


def check(config: Config) -> None:
    """Raises EngineError for names, options, shards, targets and a base that make no sense."""
    if not config.experts:
        raise EngineError(
            "There is no expert to train. Name at least one, and the skills it learns from."
        )
    _options(config)
    base = check_base(config.model)
    for option in ("shards", "overrides"):
        if unknown := sorted(set(getattr(config, option)) - set(config.experts)):
            raise EngineError(
                f"{option}: no expert called {unknown[0]!r}. Choose from "
                f"{', '.join(config.experts)}."
            )
    for name, changes in config.overrides.items():
        if not isinstance(changes, dict):
            raise EngineError(f"overrides: {name} is {changes!r}. Give it options by name.")
    for name, skills in config.experts.items():
        _check_expert(name, skills)
        targets.check(config.training(name).targets, base)
        if config.training(name).patience and not config.held_out:
            raise EngineError(
                f"Expert {name} is to stop early, but no pictures are held out that could tell "
                "when. "
                "Set held_out above 0, or patience to 0."
            )
    for name, shard in config.shards.items():
        _check_shard(name, shard)
    texts.check(config.sample_prompts)


def _options(config: Config) -> Any:
    """The objective's own. Raises EngineError for one that is none, and what it does not take."""
    plugin, where = plugins.load(objectives, config.objective), f"the objective {config.objective}"
    return build(plugin.Config, config.options, where=f"options of {where}")


def _check_expert(name: str, skills: Any) -> None:
    names.check(name, "an expert")
    if (
        not isinstance(skills, list | tuple)
        or not skills
        or not all(isinstance(s, str) for s in skills)
    ):
        raise EngineError(f"Expert {name} has no skills to learn from. Give it a list of them.")
    for skill in skills:
        names.check_file(skill, "a skill")


def _check_shard(name: str, shard: Any) -> None:
    whole = (
        isinstance(shard, list | tuple)
        and len(shard) == 3
        and all(isinstance(n, int) for n in shard)
    )
    if not whole or not 0 <= shard[0] < shard[1]:
        raise EngineError(
            f"shards: {name} is {shard}. Give [index, of how many, seed] with 0 <= index < many."
        )
