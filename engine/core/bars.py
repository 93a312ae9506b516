"""Bars: measured numbers, each with the goal that was set for it."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

Values = Mapping[str, float]
"""Measured numbers by name."""


def _always(values: Values) -> bool:
    return True


class Bar(NamedTuple):
    """One measured number; without a goal it stands beside the others."""

    what: str
    goal: str = ""
    holds: Callable[[Values], bool] = _always


def at_least(name: str, bound: float) -> Callable[[Values], bool]:
    """Holds where the number of that name reaches the bound."""
    return lambda values: values[name] >= bound
