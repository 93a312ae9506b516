"""The sum of the experts' deltas, each times its own weight; nothing is normalised.

All weights at 1 add every expert whole: [task arithmetic](https://arxiv.org/abs/2212.04089),
section 2.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.core.options import option


@dataclass(frozen=True)
class Config:
    strength: float = option(1.0, "Multiplies every weight", range=(0.0, 10.0))


def coefficients(weights: Mapping[str, float], config: Config) -> dict[str, float]:
    """Each expert's weight times the strength."""
    return {name: config.strength * weight for name, weight in weights.items()}
