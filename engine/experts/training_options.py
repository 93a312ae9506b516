"""How one expert is trained."""

from dataclasses import dataclass
from typing import Literal

from engine.core.options import option


@dataclass(frozen=True, kw_only=True)
class Training:
    """How one expert is trained; `Config.overrides` changes any of it for one of them."""

    rank: int = option(16, "Rank of the LoRA; SELMA: 128", range=(1, 1024))
    alpha: float = option(16.0, "The delta is scaled by alpha / rank", range=(0.01, 4096.0))
    targets: tuple[str, ...] = option(
        ("to_q", "to_k", "to_v", "to_out.0"),
        "Linear layers that get a LoRA, by the ends of their names",
    )
    init: Literal["gaussian", "kaiming"] = option(
        "gaussian", "How A starts: as in diffusers and SELMA, or as in peft"
    )
    same_start: bool = option(False, "Start every expert from the same A, as SELMA does")
    learning_rate: float = option(3e-4, "AdamW's; SELMA: 3e-4", range=(1e-7, 1.0))
    schedule: Literal["constant", "cosine"] = option(
        "constant", "SELMA's rate is constant; a cosine anneals it to zero"
    )
    warmup_steps: int = option(0, "Steps of linear warm-up", range=(0, 100_000))
    steps: int = option(
        300, "Optimiser steps; SELMA: 5,000", range=(1, 1_000_000), most_in_app=50_000
    )
    batch_size: int = option(
        8, "Pictures of this expert a forward", range=(1, 4096), most_in_app=256
    )
    accumulation: int = option(1, "Forwards a step", range=(1, 1024), most_in_app=128)
    caption_dropout: float = option(
        0.1,
        "Share of captions left empty, so that guidance stays calibrated; SELMA: 0",
        range=(0.0, 1.0),
    )
    flip: bool = option(
        False, "Mirror half the latents; wrong for captions that say left or right; SELMA: on"
    )
    ema: float = option(0.0, "Decay of averaged weights; 0 is off", range=(0.0, 0.99999))
    max_grad_norm: float = option(1.0, "Clip each expert's gradient; 0 is off", range=(0.0, 1e6))
    weight_decay: float = option(0.01, "AdamW's", range=(0.0, 1.0))
    patience: int = option(
        0,
        "Stop early after so many held-out losses without a new best, and keep the "
        "best weights; 0 never stops",
        range=(0, 1000),
    )
