"""Why a score is what it is: what a judge asked of a picture and saw in it, and which it was.

On disk each record is a JSON object; `typed.reader` reads it and `store.write_records` writes it
back to the same bytes. What a later version says beside it is kept (`open_records`).
"""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Any

from engine.core.open_records import Open

POOLED_BYTES = 8 * 8 * 3
"""Evidence keeps that many of its picture; see engine/evaluate/diversity.py."""


def optional(hint: Any) -> Any:
    """A field that may be missing, and is None then. Where a file has it, it holds no null."""
    return field(default=None, metadata={"holds": hint})


@dataclass(frozen=True)
class Answer(Open):
    """A question that a judge asked of a picture, and what it read there."""

    id: str | int
    category: str
    text: str
    parents: tuple[str | int, ...]
    """The questions without whose yes this one means nothing."""
    yes: bool


@dataclass(frozen=True)
class Thing(Open):
    """One that a judge saw; None is what it could not name."""

    kind: str | None
    colour: str | None
    x: float | None = optional(float)
    """Of its middle, in pixels from the left."""
    y: float | None = optional(float)
    """Of its middle, in pixels from the top."""


@dataclass(frozen=True)
class SeenScene(Open):
    """All that a judge saw in a picture."""

    things: tuple[Thing, ...]
    background: str | None
    style: str | None
    flags: tuple[Any, ...]
    """What it could not read."""


@dataclass(frozen=True)
class Evidence(Open):
    """Why a score is what it is. A judge gives the first fields, the evaluation adds the rest."""

    questions: tuple[Answer, ...] | None = optional(tuple[Answer, ...])
    exact: bool | float | None = optional(bool | float)
    """Whether the picture shows the text and nothing else."""
    seen: SeenScene | None = optional(SeenScene)
    unscored: str | None = optional(str)
    """Why the judge cannot read the text."""
    nearest: str | None = optional(str)
    """The nearest text that it can read."""
    details: dict[str, Any] | None = optional(dict[str, Any])
    """What else a judge has to say."""
    skill: str | None = optional(str)
    text: str | None = optional(str)
    """What the picture was to show."""
    number: int | None = optional(int)
    """Counts the pictures of one prompt from 0."""
    pooled: str | None = optional(str)
    """The picture's small likeness: 8 x 8 RGB bytes, base64."""

    def fault(self) -> str:
        """What makes it no evidence, or ""."""
        is_whole = not self.pooled or _is_pooled(self.pooled)
        return "" if is_whole else "pooled holds no 8 x 8 picture"


def _is_pooled(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == POOLED_BYTES
    except (binascii.Error, ValueError):
        return False
