"""What an axis of a grid changes: an expert's weight, the strength of all, the guidance scale."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from engine.core.errors import EngineError
from engine.core.weights import MOST as MOST_WEIGHT
from engine.core.weights import check as check_weights

STRENGTH, GUIDANCE = "strength of all", "guidance scale"
MOST_GUIDANCE = 50.0


def check_name(axis: str, experts: Collection[str]) -> None:
    """Raises EngineError for an axis that is not there."""
    choices = (STRENGTH, GUIDANCE, *experts)
    if axis not in choices:
        raise EngineError(f"{axis!r} cannot be an axis. Choose from {', '.join(choices)}.")


def check_values(axis: str, values: Iterable[Any]) -> None:
    """Raises EngineError for values that the axis cannot take."""
    most = MOST_GUIDANCE if axis == GUIDANCE else MOST_WEIGHT
    for value in values:
        if not _is_number(value) or not -most <= value <= most:
            raise EngineError(
                f"{value!r} is no value of an axis. "
                f"Give {axis} numbers between {-most:g} and {most:g}."
            )


def weights_at(place: Mapping[str, float], weights: Mapping[str, float]) -> dict[str, float]:
    """The experts' weights at a place, axis -> value. The strength multiplies all of them."""
    strength = place.get(STRENGTH, 1.0)
    scaled = {}
    for expert, weight in weights.items():
        scaled[expert] = strength * place.get(expert, weight)
    check_weights(scaled)
    return scaled


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
