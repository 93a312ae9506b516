"""The sum of the experts' deltas, each times its own weight; nothing is normalised.

All weights at 1 add every expert whole: [task arithmetic](https://arxiv.org/abs/2212.04089),
section 2.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.merge.deltas import Merge, concatenate

if TYPE_CHECKING:
    from engine.models.lora.factors import Expert


@dataclass(frozen=True)
class Config:
    strength: float = field(
        default=1.0, metadata={"help": "Multiplies every weight", "range": (0.0, 10.0)}
    )


def coefficients(weights: Mapping[str, float], config: Config) -> dict[str, float]:
    """Each expert's weight times the strength."""
    return {name: config.strength * weight for name, weight in weights.items()}


def prepare(
    experts: Mapping[str, "Expert"], config: Config
) -> Callable[[Mapping[str, float]], Merge]:
    def merge(weights: Mapping[str, float]) -> Merge:
        return concatenate(experts, coefficients(weights, config))

    return merge
