"""Whether there is a best among models: only where the interval of every difference says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from engine.evaluate import intervals, summary
from engine.evaluate.intervals import PerPrompt
from engine.evaluate.units import Unit

MOST_NAMED = 3
Listed = tuple[tuple[str, tuple[tuple[str, float], ...]], ...]
"""Scores by skill and prompt, as a key."""


@dataclass(frozen=True)
class Lead:
    """Who scores highest, and whom no interval tells from it; decided where that is nobody."""

    first: int
    """Its place among those that were compared."""
    others: tuple[int, ...]

    @property
    def decided(self) -> bool:
        return not self.others

    def told(self, names: Sequence[str]) -> str:
        """Who is the best, or why that cannot be said; `names` in the order that was compared."""
        first, others = names[self.first], [names[number] for number in self.others]
        if self.decided:
            return (
                f"{first} is the best here: the interval of its difference to every other lies "
                "above zero."
            )
        more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
        return (
            f"The best cannot be told: {first} scores highest, but the interval of the "
            f"difference does not tell it from {', '.join(others[:MOST_NAMED])}{more}."
        )


def among(compared: Sequence[PerPrompt], unit: Unit) -> Lead | None:
    """The highest mean over skills; None where fewer than two were scored, so that none is best."""
    means = {number: summary.macro(prompts) for number, prompts in enumerate(compared)}
    scored = {number: mean for number, mean in means.items() if mean is not None}
    if len(scored) < 2:
        return None
    first = max(scored, key=lambda number: scored[number])
    others = sorted(scored.keys() - {first}, key=lambda number: -scored[number])
    best = _listed(compared[first])
    undecided = [n for n in others if not _is_better(best, _listed(compared[n]), unit.margin)]
    return Lead(first, tuple(undecided))


@lru_cache(256)
def _is_better(ours: Listed, theirs: Listed, margin: float) -> bool:
    """Whether the interval of the paired difference says so; it takes 0.2 s for 500 prompts."""
    first, second = ({skill: dict(values) for skill, values in side} for side in (ours, theirs))
    difference = intervals.paired(first, second)
    return difference is not None and intervals.verdict(*difference, margin=margin) == "better"


def _listed(prompts: PerPrompt) -> Listed:
    return tuple((skill, tuple(values.items())) for skill, values in prompts.items())
