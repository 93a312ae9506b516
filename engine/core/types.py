"""The records that travel between stages, one JSON line each, held to these types when read."""

from dataclasses import dataclass, field
from pathlib import PurePosixPath

from engine.core.evidence import Answer, Evidence, SeenScene

MOST_BYTES = 255
"""A file's name has no more."""


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
        return self.evidence.skill or ""

    @property
    def text(self) -> str:
        """What the picture was to show."""
        return self.evidence.text or ""

    @property
    def answers(self) -> tuple[Answer, ...]:
        """In the order of the questions; none from a judge that asks nothing."""
        return self.evidence.questions or ()

    @property
    def exact(self) -> float | None:
        """1.0 for a picture that shows the text and nothing else; None where nobody looked."""
        exact = self.evidence.exact
        return None if exact is None else float(exact)

    @property
    def seen(self) -> SeenScene | None:
        """None from a judge that sees no scene."""
        return self.evidence.seen

    @property
    def unscored(self) -> str:
        """Why there is no value; "" where nobody says."""
        return self.evidence.unscored or ""

    @property
    def nearest(self) -> str:
        """The nearest text that the judge can read; "" where it names none."""
        return self.evidence.nearest or ""

    @property
    def pooled(self) -> str:
        """The picture's small likeness, see engine/evaluate/diversity.py; "" where none is kept."""
        return self.evidence.pooled or ""


def file_fault(name: str) -> str:
    """What makes a record's file name lead out of its folder, or ""."""
    path = PurePosixPath(name)
    is_file = bool(path.name) and name.isprintable() and len(name.encode()) <= MOST_BYTES
    if is_file and not path.is_absolute() and ".." not in path.parts:
        return ""
    return f"file_name is {name[:80]!r}, which is no file of this folder"
