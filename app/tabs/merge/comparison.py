"""Pictures side by side from the same noise: the base, the merge, each expert alone; and what the
judge reads.
"""

import traceback
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import gradio as gr
from PIL import Image

from app.show import markup, thumbnails
from engine import judges, runs, worlds
from engine.core import plugins
from engine.core.errors import EngineError
from engine.core.types import Prompt
from engine.judges import Judge
from engine.runs import contents
from engine.runs.preview import STEPS, Merge, PictureRequest, Preview

PREVIEW = Preview()
BASE, MERGED = "base", "merged"


def paint(
    run: str,
    prompts: Sequence[str],
    seed: int,
    guidance: float,
    each: bool,  # noqa: PLR0913
    weights: Mapping[str, float],
    method: str,
    options: Mapping[str, Any],
) -> Iterator[list[Any]]:
    """A row a prompt, with the judge's reading; first a word of patience while the model is cold."""
    if not weights:
        yield [
            markup.empty(
                "No experts to merge yet", "Train experts first, or choose the example run above."
            ),
            gr.skip(),
            gr.skip(),
        ]
        return
    if not prompts:
        yield [
            markup.empty("No prompt", "Write one above, or press Another prompt."),
            *spoken(run, prompts),
        ]
        return
    store, said = runs.open_store(run), spoken(run, prompts)
    if not PREVIEW.is_warm(store):
        yield [markup.waiting("The model is warming up: a few seconds, once."), *said]
    mixes: dict[str, Merge | None] = {
        BASE: None,
        **({name: Merge.single(name) for name in weights} if each else {}),
        MERGED: Merge.from_options(method, options, weights),
    }
    try:
        cells = [
            PictureRequest(prompt, seed, guidance, mix, STEPS)
            for prompt in prompts
            for mix in mixes.values()
        ]
        painted = PREVIEW.paint(store, cells)
    except EngineError as error:
        yield [markup.failure(str(error)), *said]
        return
    except (
        Exception
    ) as error:  # out of memory, say: the reader gets a sentence and not a bar for ever
        traceback.print_exc()
        yield [
            markup.failure(
                f"This could not be painted ({type(error).__name__}: {error}). Try one prompt or "
                "fewer "
                "experts; the server's log says more."
            ),
            *said,
        ]
        return
    judge = worlds.judge_of(contents.world(store))
    rows = [
        markup.abreast(
            prompt if len(prompts) > 1 else "",
            [
                facing(title, image, prompt, seed, judge, brief=each or len(prompts) > 1)
                for title, image in zip(mixes, painted[n * len(mixes) :], strict=False)
            ],
        )
        for n, prompt in enumerate(prompts)
    ]
    yield ["".join(rows), *said]


def facing(
    title: str, image: Image.Image, prompt: str, seed: int, judge: str, brief: bool = False
) -> str:  # noqa: PLR0913
    """A picture with the judge's reading below it, where the run's world has a judge."""
    if not judge:
        return markup.facing(title, thumbnails.whole(image), "")
    score = _judge(judge)([Prompt("", "", prompt)], [image], [seed])[0]
    return markup.facing(
        title, thumbnails.whole(image), markup.brief(score) if brief else markup.reading(score)
    )


def spoken(run: str, prompts: Sequence[str]) -> list[Any]:
    """What is said of the first prompt that the run's world cannot read, and the nearest sentence,
    ready to be clicked.
    """
    world = contents.world(runs.open_store(run))
    for prompt in prompts:
        if unread := world.misreading(prompt):
            reason = unread.reason if len(prompts) == 1 else f"“{prompt}”: {unread.reason}"
            return [
                gr.HTML(markup.unreadable(world.TITLE, reason, unread.known), visible=True),
                gr.Button(unread.nearest, visible=True),
            ]
    return [gr.HTML("", visible=False), gr.Button(visible=False)]


def instead(run: str, prompts: str, sentence: str) -> str:
    """The prompts with the first one that the run's world cannot read replaced."""
    world, lines = contents.world(runs.open_store(run)), prompts.splitlines()
    for number, line in enumerate(lines):
        if line.strip() and world.misreading(line.strip()):
            return "\n".join([*lines[:number], sentence, *lines[number + 1 :]])
    return prompts


@cache
def _judge(name: str) -> Judge:
    plugin = plugins.load(judges, name)
    judge: Judge = plugin.judge(plugin.Config())
    return judge
