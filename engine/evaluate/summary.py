"""What a file of scores says: faithfulness by two rules, exact scenes, question categories, what
went unscored.

Pure functions on `Score` records as the evaluate stage writes them: the judge's evidence plus
`skill`. A mean over nothing is None, never 0.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from engine.core.dsg import Answered, one_level, selma_score
from engine.core.types import Score


@dataclass(frozen=True)
class Summary:
    """One model under one judge. Every rate is in [0, 1]."""

    pictures: int
    unscored: int
    """Pictures whose *text* the judge cannot read: in no mean."""
    by_skill: dict[str, float]
    """Reference rule: mean over prompts of the mean over their pictures."""
    macro: float | None
    """Mean of `by_skill`."""
    selma_by_skill: dict[str, float]
    """SELMA's rule: cascading, mean over all questions."""
    selma: float | None
    exact_by_skill: dict[str, float]
    exact: float | None
    """Mean over skills of the share of pictures that show the text and nothing else."""
    by_category: dict[str, float]
    """Mean over a category's questions, reference rule."""
    flagged: float | None
    """Share of pictures in which the judge found something it could not read."""


def summarise(scores: Sequence[Score]) -> Summary:
    scored = [s for s in scores if s.value is not None]
    by_skill = {skill: average(values.values()) for skill, values in per_prompt(scored).items()}
    selma_by_skill = _by_skill([s for s in scored if s.evidence.get("questions")], _selma)
    exact_by_skill = _by_skill(
        [s for s in scored if "exact" in s.evidence],
        lambda group: average(float(s.evidence["exact"]) for s in group),
    )
    flags = [s.evidence["seen"]["flags"] for s in scored if "seen" in s.evidence]
    return Summary(
        pictures=len(scores),
        unscored=len(scores) - len(scored),
        by_skill=by_skill,
        macro=_mean(by_skill.values()),
        selma_by_skill=selma_by_skill,
        selma=_selma(scored) if selma_by_skill else None,
        exact_by_skill=exact_by_skill,
        exact=_mean(exact_by_skill.values()),
        by_category=by_category(scored),
        flagged=_mean(float(bool(f)) for f in flags),
    )


def value_of(score: Score) -> float:
    """Of a scored picture: reference DSG where the evidence holds answers, else the judge's own
    value.
    """
    if score.evidence.get("questions"):
        return average(one_level(answered(score)))
    assert score.value is not None
    return score.value


def per_prompt(
    scores: Iterable[Score], measure: Callable[[Score], float] = value_of
) -> dict[str, dict[str, float]]:
    """skill -> prompt id -> mean of `measure` over the prompt's pictures; unscored ones are left
    out.
    """
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for score in scores:
        if score.value is not None:
            values[score.evidence.get("skill", "")][score.prompt_id].append(measure(score))
    return {
        skill: {key: average(found) for key, found in prompts.items()}
        for skill, prompts in values.items()
    }


def by_category(scores: Iterable[Score]) -> dict[str, float]:
    """Question category -> mean over its questions in all pictures, reference rule."""
    values: dict[str, list[float]] = defaultdict(list)
    for score in scores:
        asked = score.evidence.get("questions", ())
        for question, value in zip(asked, one_level(answered(score)), strict=True):
            values[question["category"]].append(value)
    return {category: average(found) for category, found in values.items()}


def answered(score: Score) -> list[Answered]:
    """The judge's raw answers, in the question set's order."""
    return [
        Answered(str(q["id"]), bool(q["yes"]), tuple(map(str, q["parents"])))
        for q in score.evidence.get("questions", ())
    ]


def macro(values: Mapping[str, Mapping[str, float]]) -> float | None:
    """Mean over skills of the mean over prompts, of what `per_prompt` gives."""
    return _mean(average(of_skill.values()) for of_skill in values.values())


def average(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)


def _mean(values: Iterable[float]) -> float | None:
    found = list(values)
    return average(found) if found else None


def _selma(scores: Sequence[Score]) -> float:
    return selma_score([answered(score) for score in scores])


def _by_skill(
    scores: Iterable[Score], measure: Callable[[Sequence[Score]], float]
) -> dict[str, float]:
    groups: dict[str, list[Score]] = defaultdict(list)
    for score in scores:
        groups[score.evidence.get("skill", "")].append(score)
    return {skill: measure(group) for skill, group in groups.items()}
