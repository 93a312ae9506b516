"""How one expert is trained."""

from dataclasses import dataclass, field
from typing import Literal


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
            "help": "Stop early after so many held-out losses without a new best, and keep the "
            "best weights; 0 never stops",
            "range": (0, 1000),
        },
    )
