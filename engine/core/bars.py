"""Bars: measured numbers, each with the goal that was set for it."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

Measured = Mapping[str, float]
"""What was measured, by name."""


def _always(measured: Measured) -> bool:
    return True


class Bar(NamedTuple):
    """One measured number; without a goal it stands beside the others."""

    what: str
    goal: str = ""
    holds: Callable[[Measured], bool] = _always


def at_least(name: str, bound: float) -> Callable[[Measured], bool]:
    """Holds where the number of that name reaches the bound."""
    return lambda measured: measured[name] >= bound
