"""How much experts may count: every place that takes weights checks them here."""

from collections.abc import Mapping
from typing import Any

from engine.core.errors import EngineError

MOST = 100.0
"""Of a weight, either way. People use -1 to 2. At 100 the base has long drowned, and single
precision still tells a right merge from a wrong one: by rounding alone plain diffusers lies 5e-6
from the sliders at 100, 5e-5 at 1,000."""


def check(weights: Mapping[str, Any], model: str = "") -> None:
    """`weights` by expert, of a `model` where there are several.

    Raises EngineError, naming the expert, for what is no number between -100 and 100.
    """
    where = f" in {model}" if model else ""
    for name, weight in weights.items():
        if not _is_number(weight):
            raise EngineError(f"The weight of {name}{where} is {weight!r}. Give it a number.")
        if not -MOST <= weight <= MOST:
            raise EngineError(
                f"The weight of {name}{where} is {_shown(weight)}. "
                f"Give it one between {-MOST:g} and {MOST:g}; 1 is the whole expert."
            )


def _is_number(weight: Any) -> bool:
    is_numeric = isinstance(weight, int | float) and not isinstance(weight, bool)
    return is_numeric and weight == weight  # NaN is not equal to itself


def _shown(weight: int | float) -> str:
    """An integer of hundreds of digits has no form as a float."""
    is_short = isinstance(weight, float) or abs(weight) < 2**63
    return f"{weight:g}" if is_short else "far off"
