"""How different the pictures of one prompt are.

The number to hold beside faithfulness: a model that always paints the same picture can be very
faithful.

The distance of two pictures is the mean of two parts, each in [0, 1]:

- pixels: the root mean square difference of their 8 x 8 average-pooled RGB values, scaled to [0,
  1];
- facts: one minus the shared part (Jaccard) of what the judge saw, counted: every thing as (kind,
  colour), the background, the style. 0 when it saw nothing in either; left out, with pixels alone,
  when the judge sees no scenes.

It compares models on one world under one judge; the number means nothing beyond that.
"""

import base64
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import combinations
from statistics import fmean

import numpy as np
from PIL import Image

from engine.core.evidence import SeenScene
from engine.core.types import Score

SIDE = 8
Fact = tuple[str | None, str | None]
"""A thing as (kind, colour), or what else was seen as (what, value)."""


def pool(picture: Image.Image) -> str:
    """The 8 x 8 average-pooled RGB bytes, base64: what a score's evidence keeps of a picture."""
    small = picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
    return base64.b64encode(small.tobytes()).decode()


def spread(scores: Iterable[Score]) -> dict[str, float]:
    """skill -> mean over prompts of the mean distance of two pictures of the prompt.

    Prompts with a single picture are left out, and skills with only such; scores that keep no
    picture as well. Unscored texts count too.
    """
    prompts: dict[tuple[str, str], list[Score]] = defaultdict(list)
    for score in scores:
        if score.pooled:
            prompts[score.skill, score.prompt_id].append(score)
    skills: dict[str, list[float]] = defaultdict(list)
    for (skill, _), of_prompt in prompts.items():
        if len(of_prompt) > 1:
            skills[skill].append(mean_distance(of_prompt))
    return {skill: fmean(values) for skill, values in skills.items()}


def mean_distance(scores: Sequence[Score]) -> float:
    """Over all pairs of at least two pictures."""
    return fmean(distance(a, b) for a, b in combinations(scores, 2))


def distance(a: Score, b: Score) -> float:
    """In [0, 1]; see the module's docstring."""
    pixels = float(np.sqrt(np.mean((_pixels(a) - _pixels(b)) ** 2)))
    if a.seen is None or b.seen is None:
        return pixels
    return (pixels + _unlike(_facts(a.seen), _facts(b.seen))) / 2


def _unlike(ours: Counter[Fact], theirs: Counter[Fact]) -> float:
    """One minus Jaccard's index of two multisets; 0 where both are empty."""
    either = (ours | theirs).total()
    if not either:
        return 0.0
    return 1 - (ours & theirs).total() / either


def _pixels(score: Score) -> np.ndarray:
    return np.frombuffer(base64.b64decode(score.pooled), np.uint8) / 255


def _facts(seen: SeenScene) -> Counter[Fact]:
    facts: Counter[Fact] = Counter()
    for thing in seen.things:
        facts[thing.kind, thing.colour] += 1
    for what, value in (("background", seen.background), ("style", seen.style)):
        if value:
            facts[what, value] += 1
    return facts
