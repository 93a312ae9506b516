"""Whether there is a best among models: only where the interval of every difference says so."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from engine.evaluate import intervals, summary
from engine.evaluate.intervals import PerPrompt
from engine.evaluate.standings.units import Unit

MOST_NAMED = 3
Hashable = tuple[tuple[str, tuple[tuple[str, float], ...]], ...]
"""Scores by skill and prompt, as a key of a cache."""


@dataclass(frozen=True)
class Lead:
    """Who scores best, and whom no interval tells from it; decided where that is nobody."""

    first: int
    """Its place among those that were compared."""
    others: tuple[int, ...]

    @property
    def is_decided(self) -> bool:
        return not self.others

    def sentence(self, names: Sequence[str]) -> str:
        """Who is the best, or why that cannot be said; `names` in the order that was compared."""
        first = names[self.first]
        others = [names[other] for other in self.others]
        if self.is_decided:
            return (
                f"{first} is the best here: the interval of its difference to every other lies "
                "above zero."
            )
        more = f" and {len(others) - MOST_NAMED} more" if len(others) > MOST_NAMED else ""
        return (
            f"The best cannot be told: {first} scores highest, but the interval of the "
            f"difference does not tell it from {', '.join(others[:MOST_NAMED])}{more}."
        )


def find_lead(compared: Sequence[PerPrompt], unit: Unit) -> Lead | None:
    """The best mean over skills; None where fewer than two were scored, so that none is best."""
    gains: dict[int, float] = {}
    for number, prompts in enumerate(compared):
        mean = summary.macro(prompts)
        if mean is not None:
            gains[number] = unit.gain(mean)
    if len(gains) < 2:
        return None
    first = max(gains, key=gains.__getitem__)
    others = sorted(gains.keys() - {first}, key=lambda number: -gains[number])
    best, undecided = _hashable(compared[first]), []
    for number in others:
        if not _is_better(best, _hashable(compared[number]), unit):
            undecided.append(number)
    return Lead(first, tuple(undecided))


@lru_cache(256)
def _is_better(ours: Hashable, theirs: Hashable, unit: Unit) -> bool:
    """Whether the interval of the paired difference says so; it takes 0.2 s for 500 prompts."""
    difference = intervals.paired_difference(_per_prompt(ours), _per_prompt(theirs))
    return difference is not None and unit.verdict(difference) == "better"


def _hashable(prompts: PerPrompt) -> Hashable:
    return tuple((skill, tuple(values.items())) for skill, values in prompts.items())


def _per_prompt(listed: Hashable) -> PerPrompt:
    return {skill: dict(values) for skill, values in listed}
