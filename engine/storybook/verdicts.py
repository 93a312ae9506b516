"""From a text and a picture to answers: what a judge, the checks and the app all show."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image

from engine.core.dsg import AnsweredQuestion, one_level
from engine.storybook.graph import Graph
from engine.storybook.language import parse
from engine.storybook.questions import Question, answer, is_exact, questions
from engine.storybook.reading import PictureReading, read
from engine.storybook.scenes import SIZE_PIXELS, Rgb


@dataclass(frozen=True)
class Verdict:
    """The answers to a text's questions, and what was seen. `dsg` is the reference rule's mean over
    the questions.
    """

    answers: tuple[tuple[Question, bool], ...]
    dsg: float
    exact: bool
    reading: PictureReading


def verdict(text: str, pixels: Rgb) -> Verdict:
    """Raises Unreadable for a text outside Storybook English; a picture that cannot be read is a
    miss.
    """
    graph, sheet = _questions_of(text)
    seen = read(pixels)
    answers = []
    scored = []
    for question in sheet:
        yes = answer(question, graph, seen)
        answers.append((question, yes))
        scored.append(AnsweredQuestion(str(question.id), yes, tuple(map(str, question.parents))))
    dsg = float(np.mean(one_level(scored)))
    return Verdict(tuple(answers), dsg, is_exact(graph, seen), seen)


@lru_cache(maxsize=10_000)
def _questions_of(text: str) -> tuple[Graph, tuple[Question, ...]]:
    graph = parse(text)
    return graph, tuple(questions(graph))


def to_pixels(picture: Image.Image) -> Rgb:
    """(64, 64, 3) uint8; other sizes are shrunk or enlarged first."""
    picture = picture.convert("RGB")
    if picture.size != (SIZE_PIXELS, SIZE_PIXELS):
        picture = picture.resize((SIZE_PIXELS, SIZE_PIXELS), Image.Resampling.BOX)
    return np.asarray(picture)
