"""What a stage tells its caller while it runs."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Event:
    """One step of a stage: a sentence for people, numbers for plots.

    `kind` is "progress" while work goes on, then exactly one of "done", "error" or "stopped".
    """

    text: str
    done: int = 0
    total: int = 0
    kind: str = "progress"
    data: dict[str, Any] = field(default_factory=dict)


LAST_KINDS = ("done", "error", "stopped")
