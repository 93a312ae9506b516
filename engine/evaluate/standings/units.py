"""How a score is written: a share as a percentage, any other number as itself."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from engine import judges
from engine.evaluate import intervals
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
    higher_is_better: bool = True

    @property
    def axis(self) -> str:
        """The title of an axis."""
        return f"score, {self.sign}" if self.sign else "score"

    def value(self, value: float | None) -> str:
        """As a table has it; a dash for what was not measured."""
        return NOT_MEASURED if value is None else self._written(value, f".{self.digits}f")

    def span(self, low: float, high: float) -> str:
        """The ends of an interval; of a share, whole percents are enough."""
        form = f".{self.digits - 1}f"
        return f"{self._written(low, form)} to {self._written(high, form)}"

    def signed(self, difference: float) -> str:
        return self._written(difference, f"+.{self.digits}f")

    def alone(self, value: float) -> str:
        """Beside a picture, where no head says what it is."""
        return self._written(value, f".{self.digits - 1}f") + self.sign

    def interval_text(self, difference: Interval) -> str:
        """A difference with the ends of its interval."""
        middle, low, high = map(self.signed, difference)
        return f"{middle}{self.points} ({low} to {high})"

    def verdict(self, difference: Interval) -> str:
        """Whether the difference is for the better, by `intervals.verdict`."""
        gain = difference
        if not self.higher_is_better:
            gain = Interval(-difference.difference, -difference.high, -difference.low)
        return intervals.verdict(*gain, margin=self.margin)

    def gain(self, value: float) -> float:
        """The value, or what is higher the better it is."""
        return value if self.higher_is_better else -value

    def _written(self, value: float, form: str) -> str:
        return f"{self.times * value:{form}}".replace("-", "−")


SHARE = Unit(100.0, "%", " points", MARGIN)
PLAIN = Unit(1.0, "", "", 0.0, digits=2)


def judge_unit(judge: str, values: Iterable[float | None]) -> Unit:
    """A judge's, by the scale that it declares; without one, by what it gave."""
    declared = judges.declaration(judge)
    scale = declared.scale
    if scale is None:
        is_share = all(0 <= value <= 1 for value in values if value is not None)
    else:
        is_share = tuple(scale) == (0, 1)
    unit = SHARE if is_share else PLAIN
    return unit if declared.higher_is_better else replace(unit, higher_is_better=False)
