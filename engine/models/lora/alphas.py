"""The alphas and ranks of LoRA files, checked where they are read: no number is taken on trust."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor

from engine.core.errors import EngineError

LARGEST, SMALLEST = 1e6, 1e-6
SPECIAL = frozenset("\\^$*+?{}[]()|")
EXPORT_AGAIN = "Export the LoRA again, with its alpha and rank as numbers."


def parse_alpha(value: Any, subject: str, remedy: str = EXPORT_AGAIN) -> float:
    """An alpha. Raises EngineError, a sentence on `subject`, for one that no LoRA has."""
    if not _is_number(value):
        raise EngineError(f"{subject} is {excerpt(value)}, which is no number. {remedy}")
    if value == 0:
        raise EngineError(
            f"{subject} is 0, which some programs read as switched off and others as "
            f"the rank. {remedy}"
        )
    if not SMALLEST <= abs(value) <= LARGEST:
        raise EngineError(
            f"{subject} is {excerpt(value)}, with which no LoRA was trained. {remedy}"
        )
    return float(value)


def parse_alpha_tensor(alpha: Tensor, subject: str) -> float:
    """The number that a layer's own alpha holds. Raises EngineError as `parse_alpha` does."""
    count = alpha.numel()
    if count != 1:
        raise EngineError(f"{subject} holds {count} numbers instead of one. {EXPORT_AGAIN}")
    return parse_alpha(alpha.item(), subject)


def parse_rank(value: Any, subject: str) -> int:
    """A rank. Raises EngineError, a sentence on `subject`, for no whole number above 0."""
    is_rank = _is_number(value) and 1 <= value <= LARGEST and value == int(value)
    if not is_rank:
        raise EngineError(f"{subject} is {excerpt(value)}, which is no rank. {EXPORT_AGAIN}")
    return int(value)


def excerpt(value: Any) -> str:
    """A value of a file, short enough for a sentence."""
    if isinstance(value, int) and abs(value) >= 2**63:
        return "a number far too large"
    return repr(value)[:60]


def _is_number(value: Any) -> bool:
    """Python counts True and False as integers; here they are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


class _Key(NamedTuple):
    """What a key of `alpha_pattern` names."""

    path: str
    is_whole: bool
    """It begins with `^`: a layer's whole path, and not only its end."""


class _Entry(NamedTuple):
    """What such a key stands for; entries sort by their position in the table."""

    position: int
    alpha: float


class AlphaPattern:
    """peft's `alpha_pattern`: a key holds for layers whose path it is or ends; the first counts.

    peft runs the keys as regular expressions, which a file could make run for ever. Of these `^`
    and `$` at the ends and `\\.` are understood; any other is refused by name.
    """

    def __init__(self, table: Any, place: str) -> None:
        """`place` begins each sentence. Raises EngineError for keys and values of no meaning."""
        if not isinstance(table, Mapping):
            raise EngineError(
                f"{place} alpha_pattern is {excerpt(table)}, no table of layers. {EXPORT_AGAIN}"
            )
        self._entries: dict[_Key, _Entry] = {}
        for position, (text, value) in enumerate(table.items()):
            key = _parse_key(text, place)
            alpha = parse_alpha(value, f"{place} alpha_pattern of {text[:60]!r}")
            self._entries.setdefault(key, _Entry(position, alpha))

    def alpha(self, path: str) -> float | None:
        """Of the layer at a path; None where no key fits."""
        parts = path.split(".")
        candidates = [_Key(path, True)]
        for start in range(len(parts)):
            candidates.append(_Key(".".join(parts[start:]), False))
        entries = [self._entries[key] for key in candidates if key in self._entries]
        if not entries:
            return None
        return min(entries).alpha


def _parse_key(text: str, place: str) -> _Key:
    """Raises EngineError for a regular expression."""
    path = text.removeprefix("^").removesuffix("$")
    path = path.replace("\\.", ".")
    if SPECIAL & set(path):
        raise EngineError(
            f"{place} alpha_pattern names layers by the regular expression {text[:60]!r}, "
            "and those are never run. Export the LoRA with the layers' names."
        )
    return _Key(path, text.startswith("^"))
