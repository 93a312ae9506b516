"""What the finished replicates say: a row per arm, a verdict per claim. No torch.

Skills that experts learned are the headline; the sets that nobody learned stand beside them.
Differences are paired on prompts and carry the interval over replicates and prompts of
`evaluate.intervals`.
"""

from collections.abc import Mapping, Sequence
from itertools import chain
from operator import attrgetter, itemgetter, methodcaller
from statistics import fmean
from typing import Any

from engine.evaluate import intervals, standings, summary
from engine.evaluate.intervals import PerPrompt
from engine.evaluate.planning import arm_of, model_name
from engine.evaluate.standings import NOT_COMPARED, Comparison
from engine.evaluate.standings.units import SHARE
from engine.studies.replicates.expansion import BASE
from engine.studies.replicates.packing import Arm, Measurement
from engine.studies.replicates.recipe import Claim, Config

Rounds = Sequence[Sequence[Measurement]]
"""Per replicate the measurements of its variants."""
Arms = Mapping[str, Sequence[Arm]]
"""Name -> the arm in each replicate."""


def results(config: Config, rounds: Rounds) -> dict[str, Any]:
    """Everything that the table and the sentences say, as JSON."""
    arms = _arms(rounds)
    first = _with_base(rounds)
    skills = first.skills
    rows = {}
    for name, replicates in arms.items():
        rows[name] = _row(replicates, arms[BASE], skills)
        rows[name]["pictures"] = _pictures(rounds, name)
    claims = {}
    for sentence, claim in config.claims.items():
        claims[sentence] = _verdict_on(claim, arms, skills)
    prompts = arms[BASE][0].learned_scores(skills)
    about: dict[str, Any] = {
        "replicates": len(rounds),
        "margin": intervals.MARGIN,
        "learned": skills,
    }
    about["prompts"] = min(map(len, prompts.values()), default=0)
    for name in ("split", "versions", "ceiling"):
        about[name] = getattr(first, name)
    return about | {"arms": rows, "claims": claims}


def _with_base(rounds: Rounds) -> Measurement:
    """The first measurement with the base among its arms."""
    for measurement in chain.from_iterable(rounds):
        for arm in measurement.arms:
            if arm.name == BASE:
                return measurement
    raise AssertionError("the plan has made sure that there is a base")


def _arms(rounds: Rounds) -> dict[str, list[Arm]]:
    """By name; an arm that is run once stands for all replicates."""
    by_name: dict[str, list[Arm]] = {}
    for measurement in chain.from_iterable(rounds):
        for arm in measurement.arms:
            by_name.setdefault(arm.name, []).append(arm)
    for name, replicates in by_name.items():
        if len(replicates) == 1:
            by_name[name] = replicates * len(rounds)
    return by_name


def _pictures(rounds: Rounds, name: str) -> int:
    """How many were judged, of all replicates together."""
    count = 0
    for measurement in chain.from_iterable(rounds):
        for arm in measurement.arms:
            if arm.name == name:
                count += arm.pictures
    return count


def _row(arms: Sequence[Arm], base: Sequence[Arm], skills: Sequence[str]) -> dict[str, Any]:
    """What the table says of an arm; `arms` is it in each replicate."""
    learned, unlearned = [], []
    for arm in arms:
        learned.append(summary.macro(arm.learned_scores(skills)) or 0.0)
        unlearned.append(summary.macro(arm.unlearned_scores(skills)))
    exact = _mean_by_skill([arm.exact for arm in arms])
    row: dict[str, Any] = {"dsg": fmean(learned), "by_replicate": learned}
    row["guidance"] = [arm.guidance for arm in arms]
    row["by_skill"] = _mean_by_skill(list(map(_means, arms)))
    row["unlearned"] = _known_mean(unlearned)
    row["exact"], row["exact_by_skill"] = mean_over(exact, skills), exact
    for name in ("selma", "flagged", "diversity", "floor"):
        values = map(attrgetter(name), arms)
        row[name] = _known_mean(list(values))
    row["validation"] = _validation(arms, base, skills)
    against_base = NOT_COMPARED if arms[0].name == BASE else _compared(arms, base, skills)
    row["against_base"], row["verdict"] = against_base
    return row


def _validation(
    arms: Sequence[Arm], base: Sequence[Arm], skills: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """By guidance scale: the mean, and the difference to the base that it is compared with."""
    bases = [model_name(BASE, float(scale)) for scale in base[0].validated]
    by_scale = {}
    for scale in arms[0].validated:
        ours = _validated(arms, scale, skills)
        means = [summary.macro(scores) or 0.0 for scores in ours]
        rival = standings.base_of(model_name(arms[0].name, float(scale)), bases)
        difference = None
        if rival:
            _, base_scale = arm_of(rival)
            theirs = _validated(base, f"{base_scale:g}", skills)
            difference = standings.compared(ours, theirs, SHARE).difference
        by_scale[scale] = {"dsg": fmean(means), "against_base": difference}
    return by_scale


def _validated(arms: Sequence[Arm], scale: str, skills: Sequence[str]) -> list[PerPrompt]:
    """An arm's scores on validation in each replicate, of the skills that experts learned."""
    return [arm.validated_at(scale, skills) for arm in arms]


def _means(arm: Arm) -> dict[str, float]:
    """Skill -> mean over its prompts."""
    means = {}
    for skill, scores in arm.scores.items():
        means[skill] = summary.average(scores.values())
    return means


def mean_over(by_skill: Mapping[str, float], skills: Sequence[str]) -> float:
    return fmean(by_skill[skill] for skill in skills)


def _known_mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _mean_by_skill(replicates: Sequence[Mapping[str, float]]) -> dict[str, float]:
    means = {}
    for skill in replicates[0]:
        means[skill] = fmean(map(itemgetter(skill), replicates))
    return means


def _verdict_on(claim: Claim, arms: Arms, skills: Sequence[str]) -> dict[str, Any]:
    """Ours against the rival that is best on validation, replicate by replicate."""
    ours = arms[claim.ours]
    rivals = []
    for number in range(len(ours)):
        candidates = [arms[name][number] for name in claim.rivals]
        rivals.append(max(candidates, key=lambda arm: arm.validation))
    difference, verdict = _compared(ours, rivals, skills)
    return {
        "ours": claim.ours,
        "rivals": [arm.name for arm in rivals],
        "difference": difference,
        "verdict": verdict or "undecided",
    }


def _compared(ours: Sequence[Arm], theirs: Sequence[Arm], skills: Sequence[str]) -> Comparison:
    """On the skills that experts learned."""
    learned = methodcaller("learned_scores", skills)
    return standings.compared(list(map(learned, ours)), list(map(learned, theirs)), SHARE)
