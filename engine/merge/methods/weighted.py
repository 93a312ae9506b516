"""The sum of the experts' deltas, each times its own weight; nothing is normalised.

All weights at 1 add every expert whole: [task arithmetic](https://arxiv.org/abs/2212.04089), section 2.
"""
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.merge.concatenate import concatenate

if TYPE_CHECKING:
    from engine.models.lora import Expert


@dataclass(frozen=True)
class Config:
    strength: float = field(default=1.0, metadata={"help": "Multiplies every weight", "range": (0.0, 10.0)})


def coefficients(weights: Mapping[str, float], config: Config) -> dict[str, float]:
    """Each expert's weight times the strength."""
    return {name: config.strength * weight for name, weight in weights.items()}


def merge(experts: Mapping[str, "Expert"], weights: Mapping[str, float], config: Config) -> "Expert":
    return concatenate(experts, coefficients(weights, config))
