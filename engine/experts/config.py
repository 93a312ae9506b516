"""What the stage is asked for; see `engine.experts`."""

from dataclasses import dataclass
from typing import Any, Literal

from engine.core import options, plugins
from engine.core.config import build
from engine.core.options import option
from engine.core.plugins import PluginChoice
from engine.experts import objectives
from engine.experts.training_options import Training
from engine.option_groups import BaseModel

TELLS = "it shows how the training goes, and changes no weight"


@dataclass(frozen=True, kw_only=True)
class Config(BaseModel, Training):
    """Which experts learn from which skills on which base; `Training` holds for all of them."""

    experts: dict[str, list[str]] = option(
        help="Skills that each expert learns from, by its name",
        grows=True,
        recorded="each expert's name, skills and images",
    )
    shards: dict[str, list[int]] = option(
        factory=dict,
        help="Experts that see a random part of their skills' pictures: [index, of how many, seed]",
        grows=True,
        recorded="as each expert's shard",
    )
    overrides: dict[str, dict[str, Any]] = option(
        factory=dict,
        help="Options of single experts, by name",
        grows=True,
        recorded="in each expert's options",
    )
    objective: str = option(
        "denoise",
        "What is minimised; a file of engine/experts/objectives",
        family=objectives,
        options_in="options",
    )
    options: dict[str, Any] = option(
        factory=dict, help="The objective's own options", recorded="as options"
    )
    seed: int = option(42, "Start, order and noise", range=(0, 2**31 - 1))
    precision: Literal["fp32", "bf16"] = option(
        "fp32", "Of the base and its activations; the LoRA itself always learns in float32"
    )
    timesteps: Literal["uniform", "logit_normal"] = option(
        "uniform",
        "On the way to noise, learn everywhere alike, or mostly in the middle, as SD 3",
        silent_default=True,
    )
    recompute: bool = option(
        False,
        "Compute activations again in the backward pass instead of keeping them: "
        "slower, far less memory",
        decides=False,
        why="the same numbers, computed twice",
    )
    held_out: float = option(
        0.05, "Share of each skill's pictures kept out of training", range=(0.0, 0.5)
    )
    log_every: int = option(
        10, "Steps between points of the curve", range=(1, 100_000), decides=False, why=TELLS
    )
    held_out_every: int = option(
        50,
        "Steps between held-out losses",
        range=(1, 100_000),
        most_times_in_app=1_000,
        decides=False,
        why="it only tells, unless an expert may stop early: then it is recorded",
    )
    checkpoint_every: int = option(
        100,
        "Steps between checkpoints",
        range=(1, 100_000),
        most_times_in_app=1_000,
        decides=False,
        why=TELLS,
    )
    snapshot_every: int = option(
        0,
        "Steps between LoRA files that are kept, as <expert>/step-<step>; 0 is none",
        range=(0, 100_000),
        most_times_in_app=200,
        decides=False,
        why=TELLS,
    )
    sample_every: int = option(
        100,
        "Steps between samples; 0 is none",
        range=(0, 100_000),
        most_times_in_app=200,
        decides=False,
        why=TELLS,
    )
    samples: int = option(
        4, "Sample pictures an expert", range=(0, 64), most_in_app=16, decides=False, why=TELLS
    )
    sample_prompts: list[str] = option(
        factory=list,
        help="What they show; the expert's held-out captions if empty",
        decides=False,
        why=TELLS,
    )
    replace: bool = option(
        False,
        "Train anew what other options or pictures trained",
        decides=False,
        why="what to do with older work",
    )
    sample_guidance: float = option(
        3.5, "Their guidance scale", range=(0.0, 50.0), decides=False, why=TELLS
    )
    sample_steps: int = option(
        20, "Their sampling steps", range=(1, 1000), most_in_app=250, decides=False, why=TELLS
    )

    @property
    def objective_choice(self) -> PluginChoice:
        return plugins.choice_of(self, "objective")

    def training(self, name: str) -> Training:
        """One expert's options. Raises EngineError for an override that is no option."""
        values = options.values(self, Training) | self.overrides.get(name, {})
        return build(Training, values, where=f"overrides: {name}")
