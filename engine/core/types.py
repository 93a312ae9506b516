"""The records that travel between stages, one JSON line each, held to these types when read."""

import base64
import binascii
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, TypedDict

POOLED_BYTES = 8 * 8 * 3
"""A score's evidence keeps that many of its picture; see engine/evaluate/diversity.py."""

MOST_BYTES = 255
"""A file's name has no more."""


class Question(TypedDict):
    """What a judge asked of a picture, and what it read there."""

    id: str | int
    yes: bool
    parents: list[str | int]
    category: str
    text: str


class Thing(TypedDict):
    """One that a judge saw; None is what it could not name."""

    kind: str | None
    colour: str | None


class Seen(TypedDict):
    """All that a judge saw in a picture."""

    things: list[Thing]
    background: str | None
    style: str | None
    flags: list[Any]


class Evidence(TypedDict, total=False):
    """What summaries and pages read of a score's evidence; a judge may add more."""

    skill: str
    text: str
    number: int
    questions: list[Question]
    exact: bool | float
    seen: Seen
    pooled: str
    unscored: str


@dataclass(frozen=True)
class Prompt:
    """One accepted training or evaluation prompt."""

    id: str
    skill: str
    text: str
    writer: str = ""
    novelty: float = 1.0
    """1 minus the highest ROUGE-L F-measure against everything accepted before it."""


@dataclass(frozen=True)
class Rejected:
    """A line the writer wrote and the rules or the filter refused."""

    skill: str
    text: str
    reason: str
    nearest: str = ""
    rouge_l: float = 0.0


@dataclass(frozen=True)
class Picture:
    """One picture; `file_name` and `text` make an `imagefolder` and are all that must be there."""

    file_name: str
    prompt_id: str = ""
    text: str = ""
    seed: int = 0
    model: str = ""
    sampler: str = ""
    guidance: float = 0.0
    steps: int = 0

    def fault(self) -> str:
        """What makes it no picture of its folder, or ""."""
        return file_fault(self.file_name)


@dataclass(frozen=True)
class Score:
    """What a judge says of one picture.

    `value` is in [0, 1] and higher is better; None means unscored: the judge cannot read the
    *text*. A picture it cannot read is a miss (value 0, flagged in the evidence), never None.
    """

    prompt_id: str
    seed: int
    judge: str
    value: float | None
    evidence: dict[str, Any] = field(default_factory=dict, metadata={"holds": Evidence})

    def fault(self) -> str:
        """What makes it no score, or ""."""
        pooled = self.evidence.get("pooled")
        return "" if not pooled or _is_pooled(pooled) else "evidence: pooled holds no 8 x 8 picture"


def file_fault(name: str) -> str:
    """What makes a record's file name lead out of its folder, or ""."""
    path = PurePosixPath(name)
    is_file = bool(path.name) and name.isprintable() and len(name.encode()) <= MOST_BYTES
    if is_file and not path.is_absolute() and ".." not in path.parts:
        return ""
    return f"file_name is {name[:80]!r}, which is no file of this folder"


def _is_pooled(text: str) -> bool:
    try:
        return len(base64.b64decode(text, validate=True)) == POOLED_BYTES
    except (binascii.Error, ValueError):
        return False
