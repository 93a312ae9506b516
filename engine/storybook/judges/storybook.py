"""Exact questions about Storybook pictures, answered from the pixels.
[DSG](https://arxiv.org/abs/2310.18235)

Scores with DSG's reference rule: the mean over all questions, a question counting as no when a
parent's own answer is no. Text outside Storybook English is unscored; a picture that cannot be read
is a miss.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from engine.core.evidence import Answer, Evidence, SeenScene, Thing
from engine.core.judging import CATEGORIES, DSG, EXACT, FLAGGED, SELMA, Judge
from engine.core.types import Prompt, Score
from engine.storybook.language import Unreadable, fault
from engine.storybook.questions import Question
from engine.storybook.reading import PictureReading
from engine.storybook.verdicts import to_pixels, verdict

NAME = "storybook"
SCALE = (0.0, 1.0)
HIGHER_IS_BETTER = True
METRICS = (DSG, SELMA, CATEGORIES, EXACT, FLAGGED)


@dataclass(frozen=True)
class Config:
    """Nothing to choose: the judge is exact."""


def why_unreadable(prompt: Prompt) -> str | None:
    """What it cannot read in a text; None where it reads all of it."""
    return fault(prompt.text)


def judge(config: Config) -> Judge:
    def score_all(
        prompts: Sequence[Prompt], pictures: Sequence[Image.Image], seeds: Sequence[int]
    ) -> list[Score]:
        batch = zip(prompts, pictures, seeds, strict=True)
        return [_score(prompt, picture, seed) for prompt, picture, seed in batch]

    return score_all


def _score(prompt: Prompt, picture: Image.Image, seed: int) -> Score:
    try:
        found = verdict(prompt.text, to_pixels(picture))
    except Unreadable as error:
        reason = Evidence(unscored=error.reason, nearest=error.nearest)
        return Score(prompt.id, seed, NAME, None, reason)
    answers = tuple(_answer(question, yes) for question, yes in found.answers)
    evidence = Evidence(questions=answers, exact=found.exact, seen=_seen(found.reading))
    return Score(prompt.id, seed, NAME, found.dsg, evidence)


def _answer(question: Question, yes: bool) -> Answer:
    return Answer(question.id, question.category, question.text, question.parents, yes)


def _seen(reading: PictureReading) -> SeenScene:
    things = []
    for thing in reading.things:
        x, y = round(thing.x, 1), round(thing.y, 1)
        things.append(Thing(thing.kind, thing.colour, x, y))
    return SeenScene(tuple(things), reading.background, reading.style, reading.flags)
