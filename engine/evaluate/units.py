"""How a score is written: a share as a percentage, any other number as itself."""

from collections.abc import Iterable
from dataclasses import dataclass

from engine import judges
from engine.core import plugins
from engine.evaluate.intervals import MARGIN, Interval

NOT_MEASURED = "–"


@dataclass(frozen=True)
class Unit:
    """`times` what is kept is what is shown, with `digits` after the point."""

    times: float
    sign: str
    """Behind a score that stands alone; the tables' heads say it once."""
    points: str
    """Behind a difference."""
    margin: float
    """A difference that is none."""
    digits: int = 1

    @property
    def axis(self) -> str:
        """The title of an axis."""
        return f"score, {self.sign}" if self.sign else "score"

    def value(self, value: float | None) -> str:
        """As a table has it; a dash for what was not measured."""
        return NOT_MEASURED if value is None else self._written(value, f".{self.digits}f")

    def span(self, low: float, high: float) -> str:
        """The ends of an interval; of a share, whole percents are enough."""
        return " to ".join(self._written(end, f".{self.digits - 1}f") for end in (low, high))

    def signed(self, difference: float) -> str:
        return self._written(difference, f"+.{self.digits}f")

    def alone(self, value: float) -> str:
        """Beside a picture, where no head says what it is."""
        return self._written(value, f".{self.digits - 1}f") + self.sign

    def between(self, difference: Interval) -> str:
        """A difference with the ends of its interval."""
        middle, low, high = map(self.signed, difference)
        return f"{middle}{self.points} ({low} to {high})"

    def _written(self, value: float, form: str) -> str:
        return f"{self.times * value:{form}}".replace("-", "−")


SHARE = Unit(100.0, "%", " points", MARGIN)
OWN = Unit(1.0, "", "", 0.0, digits=2)


def of(judge: str, values: Iterable[float | None]) -> Unit:
    """A judge's, by the scale that it declares; without one, by what it gave."""
    scale = None
    if judge in plugins.names(judges):
        scale = getattr(plugins.load(judges, judge), judges.SCALE, None)
    if scale is not None:
        return SHARE if tuple(scale) == (0, 1) else OWN
    return SHARE if all(0 <= value <= 1 for value in values if value is not None) else OWN
