"""The records that travel between stages, one JSON line each."""
from dataclasses import dataclass, field
from typing import Any


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


@dataclass(frozen=True)
class Score:
    """What a judge says of one picture.

    `value` is in [0, 1] and higher is better; None means unscored: the judge cannot read the *text*.
    A picture it cannot read is a miss (value 0, flagged in the evidence), never None.
    """

    prompt_id: str
    seed: int
    judge: str
    value: float | None
    evidence: dict[str, Any] = field(default_factory=dict)
