"""The mean of the experts' deltas; equal weights are SELMA's merge of T experts, 1/T sum of s_i B_i
A_i.

Other weights count relative to their sum. [SELMA](https://arxiv.org/abs/2403.06952)
"""

from collections.abc import Mapping
from dataclasses import dataclass

from engine.core.errors import EngineError
from engine.core.options import option


@dataclass(frozen=True)
class Config:
    strength: float = option(1.0, "Multiplies the whole mean", range=(0.0, 10.0))


def coefficients(weights: Mapping[str, float], config: Config) -> dict[str, float]:
    """Each expert's share of the mean, times the strength. Raises EngineError when there is no
    mean.
    """
    total = sum(weights.values())
    size = sum(map(abs, weights.values()))
    if total <= 1e-6 * size:  # what is left is rounding
        raise EngineError(
            f"The weights sum to {total:g}: there is no mean. Raise one, or choose `weighted`."
        )
    return {name: config.strength * weight / total for name, weight in weights.items()}
