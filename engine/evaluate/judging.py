"""The judge's pass over painted pictures: scores by their prompts, and for the floor by others."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image

from engine.core.evidence import Evidence
from engine.core.types import Prompt, Score
from engine.evaluate import diversity
from engine.evaluate.planning import Row
from engine.judges import Judge


@dataclass(frozen=True)
class Question:
    """One picture before one text."""

    row: Row
    prompt: Prompt
    image: Image.Image


@dataclass(frozen=True)
class JudgedPicture:
    """One picture with what the judge says of it."""

    row: Row
    score: Score
    floor: Score | None
    """By another prompt of the skill; None where there is no other."""


def judge_all(
    judge: Judge, rows: Sequence[Row], images: Sequence[Image.Image]
) -> list[JudgedPicture]:
    """All pictures before their own prompts, then before others."""
    by_own, by_others = [], []
    for row, image in zip(rows, images, strict=True):
        by_own.append(Question(row, row.prompt, image))
        if row.other:
            by_others.append(Question(row, row.other, image))
    floors = {}
    for question, score in zip(by_others, _scores(judge, by_others), strict=True):
        floors[question.row] = _without_reasons(score)
    judged = []
    for row, score in zip(rows, _scores(judge, by_own), strict=True):
        judged.append(JudgedPicture(row, score, floors.get(row)))
    return judged


def _scores(judge: Judge, questions: Sequence[Question]) -> list[Score]:
    """The judge's scores, their evidence completed by what the summaries need."""
    if not questions:
        return []
    prompts, images, seeds = [], [], []
    for question in questions:
        prompts.append(question.prompt)
        images.append(question.image)
        seeds.append(question.row.seed)
    return list(map(_completed, judge(prompts, images, seeds), questions))


def _completed(score: Score, about: Question) -> Score:
    evidence = replace(
        score.evidence,
        skill=about.prompt.skill,
        text=about.prompt.text,
        number=about.row.number,
        pooled=diversity.pool(about.image),
    )
    return replace(score, evidence=evidence)


def _without_reasons(score: Score) -> Score:
    """Why a score by another prompt is low interests nobody, and takes much space."""
    said = score.evidence
    about = Evidence(skill=said.skill, text=said.text, number=said.number, pooled=said.pooled)
    return replace(score, evidence=about)
