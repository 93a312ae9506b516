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


class Answer(TypedDict):
    """A question that a judge asked of a picture, and what it read there."""

    id: str | int
    yes: bool
    parents: list[str | int]
    category: str
    text: str


class Thing(TypedDict):
    """One that a judge saw; None is what it could not name."""

    kind: str | None
    colour: str | None


class SeenScene(TypedDict):
    """All that a judge saw in a picture."""

    things: list[Thing]
    background: str | None
    style: str | None
    flags: list[Any]


class Evidence(TypedDict, total=False):
    """Why a score is what it is; on disk an object with those of these names that apply."""

    questions: list[Answer]
    exact: bool | float
    """Whether the picture shows the text and nothing else."""
    seen: SeenScene
    unscored: str
    """Why the judge cannot read the text."""
    nearest: str
    """The nearest text that it can read."""
    skill: str
    text: str
    number: int
    """Counts the pictures of one prompt from 0."""
    pooled: str
    """The picture's small likeness: 8 x 8 RGB bytes, base64."""
    details: dict[str, Any]
    """What else a judge has to say."""


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
class RejectedPrompt:
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

    `value` lies in the judge's own scale; None means unscored: the judge cannot read the *text*.
    A picture it cannot read is a miss (the scale's worst value, flagged in the evidence), never
    None.
    """

    prompt_id: str
    seed: int
    judge: str
    value: float | None
    evidence: Evidence = field(default_factory=Evidence)

    @property
    def key(self) -> tuple[str, int]:
        """Which picture of a model this is about."""
        return self.prompt_id, self.seed

    @property
    def skill(self) -> str:
        return self.evidence.get("skill", "")

    @property
    def text(self) -> str:
        """What the picture was to show."""
        return self.evidence.get("text", "")

    @property
    def answers(self) -> list[Answer]:
        """In the order of the questions; none from a judge that asks nothing."""
        return self.evidence.get("questions", [])

    @property
    def exact(self) -> float | None:
        """1.0 for a picture that shows the text and nothing else; None where nobody looked."""
        found = self.evidence.get("exact")
        return None if found is None else float(found)

    @property
    def seen(self) -> SeenScene | None:
        """None from a judge that sees no scene."""
        return self.evidence.get("seen")

    @property
    def unscored(self) -> str:
        """Why there is no value; "" where nobody says."""
        return self.evidence.get("unscored", "")

    @property
    def nearest(self) -> str:
        """The nearest text that the judge can read; "" where it names none."""
        return self.evidence.get("nearest", "")

    @property
    def pooled(self) -> str:
        """The picture's small likeness, see engine/evaluate/diversity.py; "" where none is kept."""
        return self.evidence.get("pooled", "")

    def fault(self) -> str:
        """What makes it no score, or ""."""
        is_whole = not self.pooled or _is_pooled(self.pooled)
        return "" if is_whole else "evidence: pooled holds no 8 x 8 picture"


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
