"""A picture as it was painted, the same as it is now, and a folder as people left it."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path

from engine.core.types import Picture

MOST_NAMED = 3
"""File names that a sentence holds."""


@dataclass(frozen=True)
class Original(Picture):
    """A picture as it was painted."""

    sha256: str = ""
    """Of the file; "" where it was gone already when the record began."""
    size: int = 0
    """Bytes."""
    shard: str = ""
    """Key of the shard that it was painted in."""

    @property
    def picture(self) -> Picture:
        return Picture(**{one.name: getattr(self, one.name) for one in fields(Picture)})


@dataclass(frozen=True)
class Current:
    """A picture as it lies there now, with its caption."""

    file: Path
    file_name: str
    """Within its folder."""
    text: str
    sha256: str
    row: int | None
    """Of the original; None for a picture that people added."""
    repainted: bool
    """Whether its file is not the one that was painted."""
    recaptioned: bool
    """Whether its caption is not the one that was painted."""

    @property
    def is_added(self) -> bool:
        return self.row is None


@dataclass(frozen=True)
class CuratedFolder:
    """A folder as people left it."""

    pictures: list[Current]
    """The originals in their order, then what was added, in the order of metadata.jsonl."""
    missing: list[str]
    """Originals whose file or line in metadata.jsonl is not there any more."""
    unlisted: list[str]
    """Other pictures without a line, which therefore nobody reads."""

    @cached_property
    def repainted(self) -> list[str]:
        return [one.file_name for one in self._originals if one.repainted]

    @cached_property
    def recaptioned(self) -> list[str]:
        return [one.file_name for one in self._originals if one.recaptioned]

    @cached_property
    def added(self) -> list[str]:
        return [one.file_name for one in self.pictures if one.is_added]

    @property
    def is_edited(self) -> bool:
        return bool(self.missing or self.repainted or self.recaptioned or self.added)

    def summary(self) -> str:
        """What people did, for a sentence; "" for nothing."""
        kinds = {
            "taken out": self.missing,
            "replaced": self.repainted,
            "added": self.added,
            "with another caption": self.recaptioned,
            "left out for want of a line in metadata.jsonl": self.unlisted,
        }
        parts = []
        for what, names in kinds.items():
            if names:
                parts.append(f"{len(names)} {what} ({enumeration(names)})")
        return ", ".join(parts)

    @cached_property
    def _originals(self) -> list[Current]:
        return [one for one in self.pictures if not one.is_added]


def enumeration(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    text = ", ".join(names[:MOST_NAMED])
    more = len(names) - MOST_NAMED
    return f"{text} and {more} more" if more > 0 else text
