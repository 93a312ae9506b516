"""Score files, read: every value lies in its judge's range, where the judge has one."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

from engine import judges
from engine.core import plugins
from engine.core.store import read_records
from engine.core.types import Score


def read(path: Path) -> list[Score]:
    """The scores of a file, none when there is no file.

    Raises EngineError for a line that no judge has written.
    """
    return read_records(path, Score, fault=_beyond())


def _beyond() -> Callable[[Score], str]:
    """What is wrong with a score's value, or ""; judges that are not here may have any."""
    known = set(plugins.names(judges))

    @cache
    def scale_of(judge: str) -> tuple[float, float] | None:
        return getattr(plugins.load(judges, judge), judges.SCALE, None) if judge in known else None

    def fault(score: Score) -> str:
        bounds = scale_of(score.judge)
        if score.value is None or bounds is None or bounds[0] <= score.value <= bounds[1]:
            return ""
        low, high = bounds
        return f"value is {score.value:g}; {score.judge}'s lie between {low:g} and {high:g}"

    return fault
