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
        if isinstance(weight, bool) or not isinstance(weight, int | float) or weight != weight:
            raise EngineError(f"The weight of {name}{where} is {weight!r}. Give it a number.")
        if not -MOST <= weight <= MOST:
            shown = f"{weight:g}" if isinstance(weight, float) or abs(weight) < 2**63 else "far off"
            raise EngineError(
                f"The weight of {name}{where} is {shown}. "
                f"Give it one between {-MOST:g} and {MOST:g}; 1 is the whole expert."
            )
