"""How an arm stands before a judge: one record for the command line, the studies and the app.

`score_tables` reads the records of a run, `lead` says whether one of them is the best, `units` how
their numbers are written. No torch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from operator import attrgetter
from statistics import fmean
from typing import Any, NamedTuple

from engine import judges
from engine.core.types import Score
from engine.evaluate import diversity, intervals, summary
from engine.evaluate.intervals import Interval, PerPrompt
from engine.evaluate.planning import CEILING, arm_of
from engine.evaluate.standings import units
from engine.evaluate.standings.units import Unit
from engine.evaluate.summary import Summary

BASE = "base"


class Point(NamedTuple):
    """A score with the ends of its interval, where it has one."""

    value: float
    low: float | None = None
    high: float | None = None


class Comparison(NamedTuple):
    """Of an arm with another, by the difference of their means over skills."""

    difference: Interval | None
    """None where too few prompts are shared."""
    verdict: str
    """Of that difference; "" without one."""


NOT_COMPARED = Comparison(None, "")


@dataclass(frozen=True)
class Standing:
    """One arm at one guidance scale before one judge."""

    model: str
    arm: str
    guidance: float | None
    """None for the ceiling, which nobody painted."""
    summary: Summary
    diversity: float | None
    """Mean over skills; None with a single picture a prompt."""
    floor: float | None
    """Mean over skills of the same pictures judged by other prompts of their skills."""
    against_base: Interval | None
    """Of the difference of the means over skills; None for the base itself and where too few
    prompts are shared.
    """
    verdict: str
    """Of that difference; "" without one."""
    prompts: PerPrompt
    """What it scored, prompt by prompt."""

    @cached_property
    def mean(self) -> Interval | None:
        """Of the mean over skills."""
        return intervals.mean(self.prompts)

    @cached_property
    def by_skill(self) -> dict[str, Point]:
        return {skill: _point(skill, values) for skill, values in self.prompts.items()}

    def as_row(self) -> dict[str, Any]:
        """All but the single prompts, as an event carries it."""
        row = asdict(self)
        del row["model"], row["prompts"]
        return row


def standing_of(
    model: str, scores: Sequence[Score], floor: Sequence[Score], base: Sequence[Score] | None
) -> Standing:
    """The standing of a model by its scores; `base` are those of the model it is compared with."""
    prompts = summary.per_prompt(scores)
    arm, guidance = arm_of(model)
    against_base = NOT_COMPARED
    if scores and base is not None:
        unit = units.judge_unit(scores[0].judge, [score.value for score in scores])
        against_base = compared([prompts], [summary.per_prompt(base)], unit)
    spread = diversity.spread(scores)
    return Standing(
        model=model,
        arm=arm,
        guidance=guidance,
        summary=summary.summarise(scores),
        diversity=fmean(spread.values()) if spread else None,
        floor=summary.macro(summary.per_prompt(floor)),
        against_base=against_base.difference,
        verdict=against_base.verdict,
        prompts=prompts,
    )


def compared(ours: Sequence[PerPrompt], theirs: Sequence[PerPrompt], unit: Unit) -> Comparison:
    """The replicates of an arm with as many of another's."""
    difference = intervals.hierarchical(ours, theirs)
    return Comparison(difference, unit.verdict(difference) if difference else "")


def base_of(model: str, models: Sequence[str], base: str = BASE) -> str | None:
    """Which of the models one is compared with: the base at the same guidance scale, if it was
    painted there, else the first of the base's.

    None for the base itself, for the ceiling, and where there is no base.
    """
    arm, guidance = arm_of(model)
    if arm in (base, CEILING):
        return None
    first = None
    for other in models:
        other_arm, scale = arm_of(other)
        if other_arm != base:
            continue
        if scale == guidance:
            return other
        first = first or other
    return first


def best_scale(judged: Mapping[float, Sequence[Score]]) -> float | None:
    """The guidance scale of the best mean over skills, the lowest of equals; None without a mean.

    `judged` are one arm's scores at each scale. Scales are compared on the pictures that all of
    them were judged on: one that saw easy prompts alone must not win by that.
    """
    if not judged:
        return None
    shared = _shared_keys(list(judged.values()))
    best, highest = None, 0.0
    for scale in sorted(judged):
        scores = [score for score in judged[scale] if score.key in shared]
        mean = summary.macro(summary.per_prompt(scores))
        if mean is None:
            continue
        gain = judges.declaration(scores[0].judge).gain(mean)
        if best is None or gain > highest:
            best, highest = scale, gain
    return best


def _shared_keys(judged: Sequence[Sequence[Score]]) -> set[tuple[str, int]]:
    """The pictures that all lists are about."""
    shared = set(map(attrgetter("key"), judged[0]))
    for scores in judged[1:]:
        shared.intersection_update(map(attrgetter("key"), scores))
    return shared


def _point(skill: str, values: Mapping[str, float]) -> Point:
    interval = intervals.mean({skill: values})
    middle = fmean(values.values())
    return Point(middle, interval.low, interval.high) if interval else Point(middle)
