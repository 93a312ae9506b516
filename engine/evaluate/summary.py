"""What a file of scores says: faithfulness by two rules, exact scenes, question categories, what
went unscored.

Pure functions on `Score` records as the evaluate stage writes them. A mean over nothing is None,
never 0. Beside the mean, only what the judge declares in its METRICS is reported.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from engine import judges
from engine.core.dsg import AnsweredQuestion, one_level, selma_score
from engine.core.types import Score


@dataclass(frozen=True)
class Summary:
    """One model under one judge. Every rate is in [0, 1]."""

    pictures: int
    unscored: int
    """Pictures whose *text* the judge cannot read: in no mean."""
    by_skill: dict[str, float]
    """Mean over prompts of the mean over their pictures; of questions by DSG's reference rule."""
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
    scored = [score for score in scores if score.value is not None]
    by_skill = skill_means(per_prompt(scored))
    selma_by_skill = _by_skill(_reporting(scored, judges.SELMA), _selma)
    exact_by_skill = _by_skill(_reporting(scored, judges.EXACT), _exact)
    return Summary(
        pictures=len(scores),
        unscored=len(scores) - len(scored),
        by_skill=by_skill,
        macro=_mean(by_skill.values()),
        selma_by_skill=selma_by_skill,
        selma=_selma(_reporting(scored, judges.SELMA)),
        exact_by_skill=exact_by_skill,
        exact=_mean(exact_by_skill.values()),
        by_category=by_category(_reporting(scored, judges.CATEGORIES)),
        flagged=_flagged(_reporting(scored, judges.FLAGGED)),
    )


def per_prompt(scores: Iterable[Score]) -> dict[str, dict[str, float]]:
    """skill -> prompt id -> mean over the prompt's pictures; unscored ones are left out.

    What counts is DSG's reference rule where the judge reports it, else the judge's own value.
    """
    declared = cache(judges.declaration)
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for score in scores:
        if score.value is None:
            continue
        value = score.value
        if score.answers and judges.DSG in declared(score.judge).metrics:
            value = average(one_level(dsg_answers(score)))
        values[score.skill][score.prompt_id].append(value)
    return {skill: _averages(prompts) for skill, prompts in values.items()}


def by_category(scores: Iterable[Score]) -> dict[str, float]:
    """Question category -> mean over its questions in all pictures, reference rule."""
    values: dict[str, list[float]] = defaultdict(list)
    for score in scores:
        for answer, value in zip(score.answers, one_level(dsg_answers(score)), strict=True):
            values[answer.category].append(value)
    return _averages(values)


def dsg_answers(score: Score) -> list[AnsweredQuestion]:
    """The judge's raw answers, in the question set's order."""
    answers = []
    for answer in score.answers:
        parents = tuple(map(str, answer.parents))
        answers.append(AnsweredQuestion(str(answer.id), answer.yes, parents))
    return answers


def skill_means(values: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """skill -> mean over prompts, of what `per_prompt` gives."""
    return {skill: average(of_skill.values()) for skill, of_skill in values.items()}


def macro(values: Mapping[str, Mapping[str, float]]) -> float | None:
    """Mean over skills of the mean over prompts, of what `per_prompt` gives."""
    return _mean(skill_means(values).values())


def average(values: Collection[float]) -> float:
    return sum(values) / len(values)


def _averages(values: Mapping[str, Collection[float]]) -> dict[str, float]:
    return {name: average(of_name) for name, of_name in values.items()}


def _mean(values: Collection[float]) -> float | None:
    return average(values) if values else None


def _reporting(scores: Iterable[Score], metric: str) -> list[Score]:
    """Those whose judge reports a metric."""
    declared = cache(judges.declaration)
    return [score for score in scores if metric in declared(score.judge).metrics]


def _selma(scores: Sequence[Score]) -> float | None:
    """None where nothing was asked."""
    answers = [dsg_answers(score) for score in scores if score.answers]
    return selma_score(answers) if answers else None


def _exact(scores: Sequence[Score]) -> float | None:
    """The share of exact pictures; None where nobody looked."""
    return _mean([score.exact for score in scores if score.exact is not None])


def _flagged(scores: Sequence[Score]) -> float | None:
    return _mean([float(bool(score.seen.flags)) for score in scores if score.seen])


def _by_skill(
    scores: Iterable[Score], measure: Callable[[Sequence[Score]], float | None]
) -> dict[str, float]:
    """Of the skills that can be measured."""
    groups: dict[str, list[Score]] = defaultdict(list)
    for score in scores:
        groups[score.skill].append(score)
    measured = {}
    for skill, group in groups.items():
        value = measure(group)
        if value is not None:
            measured[skill] = value
    return measured
