"""What the stage is asked for; see `engine.experts`."""

from dataclasses import dataclass, field
from typing import Any, Literal

from engine.core import options
from engine.core.config import build
from engine.experts.training_options import Training
from engine.option_groups import BaseModel

TELLS = "it shows how the training goes, and changes no weight"


@dataclass(frozen=True, kw_only=True)
class Config(BaseModel, Training):
    """Which experts learn from which skills on which base; `Training` holds for all of them."""

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
            "help": "Experts that see a random part of their skills' pictures: [index, of how "
            "many, seed]",
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
            "help": "On the way to noise, learn everywhere alike, or mostly in the middle, as SD 3",
            "recorded": "where it is not uniform",
        },
    )
    recompute: bool = field(
        default=False,
        metadata={
            "help": "Compute activations again in the backward pass instead of keeping them: "
            "slower, far less memory",
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
        values = options.values(self, Training) | self.overrides.get(name, {})
        return build(Training, values, where=f"overrides: {name}")
