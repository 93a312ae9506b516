"""The alphas and ranks of LoRA files, checked where they are read: no number is taken on trust."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from engine.core.errors import EngineError

MOST, LEAST = 1e6, 1e-6
SPECIAL = frozenset("\\^$*+?{}[]()|")
ANEW = "Export the LoRA again, with its alpha and rank as numbers."


def number(value: Any, what: str, remedy: str = ANEW) -> float:
    """An alpha. Raises EngineError, `what` being its subject, for one that no LoRA has."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise EngineError(f"{what} is {shown(value)}, which is no number. {remedy}")
    if value == 0:
        raise EngineError(
            f"{what} is 0, which some programs read as switched off and others as "
            f"the rank. {remedy}"
        )
    if not LEAST <= abs(value) <= MOST:
        raise EngineError(f"{what} is {shown(value)}, with which no LoRA was trained. {remedy}")
    return float(value)


def of_tensor(alpha: Tensor, what: str) -> float:
    """The number that a layer's own alpha holds. Raises EngineError as `number` does."""
    if alpha.numel() != 1:
        raise EngineError(f"{what} holds {alpha.numel()} numbers instead of one. {ANEW}")
    return number(alpha.item(), what)


def rank(value: Any, what: str) -> int:
    """A rank. Raises EngineError, `what` being its subject, for no whole number above 0."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise EngineError(f"{what} is {shown(value)}, which is no rank. {ANEW}")
    if not 1 <= value <= MOST or value % 1:
        raise EngineError(f"{what} is {shown(value)}, which is no rank. {ANEW}")
    return int(value)


def shown(value: Any) -> str:
    """A value of a file, short enough for a sentence."""
    if isinstance(value, int) and abs(value) >= 2**63:
        return "a number far too large"
    return repr(value)[:60]


class Patterns:
    """peft's `alpha_pattern`: a key holds for layers whose path it is or ends; the first counts.

    peft runs the keys as regular expressions, which a file could make run for ever. Of these `^`
    and `$` at the ends and `\\.` are understood; any other is refused by name.
    """

    def __init__(self, told: Any, where: str) -> None:
        """`where` begins each sentence. Raises EngineError for keys and values of no meaning."""
        if not isinstance(told, Mapping):
            raise EngineError(f"{where} alpha_pattern is {shown(told)}, no table of layers. {ANEW}")
        self._places: dict[tuple[str, bool], tuple[int, float]] = {}
        for place, (key, value) in enumerate(told.items()):
            plain = key.removeprefix("^").removesuffix("$").replace("\\.", ".")
            if SPECIAL & set(plain):
                raise EngineError(
                    f"{where} alpha_pattern names layers by the regular expression "
                    f"{key[:60]!r}, and those are never run. Export the LoRA with "
                    "the layers' names."
                )
            alpha = number(value, f"{where} alpha_pattern of {key[:60]!r}")
            self._places.setdefault((plain, key.startswith("^")), (place, alpha))

    def alpha(self, path: str) -> float | None:
        """Of the layer at a path; None where no key fits."""
        parts = path.split(".")
        ends = [(".".join(parts[start:]), False) for start in range(len(parts))]
        found = [self._places[end] for end in [(path, True), *ends] if end in self._places]
        return min(found)[1] if found else None
