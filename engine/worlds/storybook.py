"""Storybook, the embedded world: picture-book scenes that can be drawn, said and read exactly."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from PIL import Image

from engine import storybook
from engine.core.types import Prompt
from engine.storybook import bars, experiments
from engine.worlds import EVALUATION, Check, Measurements, Misreading, Refusal
from engine.worlds import SKILLS as ALL_SKILLS

TITLE = "Storybook"
VERSION = storybook.WORLD
LANGUAGE = "storybook"
BASES = ("storybook", "storybook-weak")
RECIPE = "storybook-quick"
SKILLS = ALL_SKILLS / "storybook"
WRITER = "storybook"
JUDGES = ("storybook",)
EXAMPLE = storybook.EXAMPLE
GUIDANCE = 3.5
HAS_CEILING = True
MEASUREMENTS = Measurements(
    guide=storybook.GUIDE,
    bars=bars.BARS,
    values_file=bars.VALUES_FILE,
    results=experiments.RESULTS,
    searches=experiments.SEARCHES,
)
FIRST_SEED = 1_000_000
"""Far from the seeds that the base's own data were drawn with."""


def line_check(rules: Mapping[str, Any], where: str) -> Check:
    """A line must be Storybook English and keep the skill's rules."""
    from engine.storybook.evaluation import frozen_keys
    from engine.storybook.language import Unreadable, parse
    from engine.storybook.rules import breaks, from_table

    table, frozen = from_table(rules, where), frozen_keys()

    def check(text: str) -> Refusal | None:
        try:
            graph = parse(text)
        except Unreadable as error:
            return Refusal(f"unreadable: {error.reason}", error.nearest)
        if fault := breaks(graph, table):
            return Refusal(f"off skill: {fault}")
        return EVALUATION if graph.key() in frozen else None

    return check


def misreading(text: str) -> Misreading | None:
    from engine.storybook.language import Unreadable, parse

    try:
        parse(text)
    except Unreadable as error:
        return Misreading(error.reason, error.nearest, error.known_words)
    return None


def evaluation_prompts(split: str, skills: Sequence[str]) -> dict[str, list[Prompt]]:
    from engine.storybook import evaluation

    return {skill: evaluation.load(split, skill) for skill in skills or evaluation.SKILLS}


@cache
def evaluation_texts() -> frozenset[str]:
    from engine.storybook import evaluation

    texts = set[str]()
    for split in evaluation.SIZES:
        for prompts in evaluation_prompts(split, evaluation.SETS).values():
            texts.update(prompt.text for prompt in prompts)
    return frozenset(texts)


def prompts_to_try(written: Sequence[str]) -> Sequence[str]:
    """Those that settings are chosen on; the experts have seen none of them."""
    by_skill = evaluation_prompts("validation", ())
    return [prompt.text for prompts in by_skill.values() for prompt in prompts]


def draw(text: str, seed: int) -> Image.Image:
    from engine.storybook.evaluation import true_scene
    from engine.storybook.scenes import paint

    return Image.fromarray(paint(true_scene(text, seed)))


def pretraining_pair(seed: int, number: int) -> tuple[Image.Image, str]:
    """A scene of the pre-training distribution and one noisy caption of it."""
    import numpy as np

    from engine.storybook import captions
    from engine.storybook.scenes import paint

    rng = np.random.default_rng((FIRST_SEED, seed, number))
    scene, graph = captions.sample(rng)
    return Image.fromarray(paint(scene)), captions.caption(graph, rng)
