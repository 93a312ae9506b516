"""As the base reads: one pass of its text encoders, which cut off what they have no room for."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engine.models.conditions import Conditions
    from engine.models.encoders import Reader


def encode(read: "Reader", texts: Sequence[str]) -> "Conditions":
    return read(texts)
