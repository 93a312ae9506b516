"""Where a search looks next: CMA-ES, by the library `cma`, over one weight per expert."""

import warnings
from collections.abc import Sequence
from typing import Any

DIGITS = 4
"""Weights are rounded, so that a recipe's text is the whole truth."""


class Strategy:
    """Proposes a generation of weights, and hears how well each of them scored."""

    def __init__(
        self,
        experts: Sequence[str],
        spread: float,
        population: int,
        bounds: tuple[float, float],
        seed: int,
    ) -> None:
        """It starts at the average, `spread` wide."""
        options = {
            "popsize": population,
            "seed": seed + 1,  # it takes 0 for the clock
            "verbose": -9,
            "bounds": list(bounds),
        }
        start = [1 / len(experts)] * len(experts)
        self._experts = experts
        self._cma = _library().CMAEvolutionStrategy(start, spread, options)
        self._points: list[Any] = []

    def propose(self) -> list[dict[str, float]]:
        """The next generation's weights, by expert."""
        self._points = self._cma.ask()
        return [self._weights(point) for point in self._points]

    def learn(self, scores: Sequence[float]) -> None:
        """Of the weights proposed last, in their order; higher is better."""
        self._cma.tell(self._points, [-score for score in scores])  # it minimises

    def _weights(self, point: Sequence[float]) -> dict[str, float]:
        rounded = [round(float(weight), DIGITS) for weight in point]
        return dict(zip(self._experts, rounded, strict=True))


def _library() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it cannot plot
        import cma
    return cma
