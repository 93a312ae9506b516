"""Slide the experts' weights: base and merged pictures from the same noise follow, and so does the judge."""
import random
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import gradio as gr
from PIL import Image

from app import contents, page, pictures, runs, views
from app.choice import choose
from app.page import QUIET, Page
from app.preview import STEPS, USUAL_GUIDANCE, Ask, Preview
from engine.core import plugins
from engine.core.config import build as build_config
from engine.core.errors import EngineError
from engine.core.types import Prompt
from engine.merge import Config, methods
from engine.storybook import evaluation
from engine.storybook.language import Unreadable, parse

TITLE = "Merge"
MOST_EXPERTS = 12
FIRST_PROMPT = "two red balls and a blue star at night"
LARGEST_SEED = 2 ** 31 - 1
PREVIEW = Preview()


def build(run: gr.Dropdown) -> Page:
    drawn_for = gr.Textbox(visible="hidden", elem_id="drawn-for")  # a State's change is not told after quick events
    experts = gr.State([])
    with gr.Row(elem_id="merge"):
        with gr.Column(scale=1, min_width=300):
            sliders = [gr.Slider(0, 2, 1, step=0.05, label=f"expert {n}", visible=False, elem_id=f"weight-{n}",
                                 buttons=[]) for n in range(MOST_EXPERTS)]
            method = choose("method", "options", methods, "average", lambda plugin: hasattr(plugin, "coefficients"))
            with gr.Row(elem_classes="bar"):
                name = gr.Textbox("my-merge", label="Save as", elem_id="merge-name", min_width=140, max_lines=1)
                save = gr.Button("Save", variant="primary", elem_id="save-merge", min_width=80, scale=0)
            saved = gr.HTML(elem_id="merges")
        with gr.Column(scale=2, min_width=320):
            with gr.Row(elem_classes="bar"):
                prompt = gr.Textbox(FIRST_PROMPT, label="Prompt", max_lines=3, elem_id="merge-prompt", scale=4,
                                    min_width=200, submit_btn="Paint")
                other = gr.Button("Another prompt", min_width=160, scale=0, elem_id="another-prompt")
            note = gr.HTML(visible=False, elem_id="merge-note")
            suggestion = gr.Button(visible=False, size="sm", elem_id="suggestion")
            pair = gr.HTML(elem_id="merge-pair")
            with gr.Row(elem_classes="bar"):
                guidance = gr.Slider(1, 8, USUAL_GUIDANCE, step=0.5, label="Guidance scale", min_width=160)
                seed = gr.Number(1, label="Noise", precision=0, minimum=0, maximum=LARGEST_SEED, min_width=100)
                noise = gr.Button("Other noise", min_width=140, scale=0, elem_id="other-noise")
    asked = {"run": run, "experts": experts, "prompt": prompt, "seed": seed, "guidance": guidance,
             **{f"weight_{n}": slider for n, slider in enumerate(sliders)}, **method.inputs}

    def painted(run: str, experts: list[str], prompt: str, **values: Any) -> Iterator[list[Any]]:
        weights = _weights(experts, values)
        yield from paint(run, prompt, int(values["seed"] or 0), values["guidance"], weights, *method.read(values))

    def merged(run: str, experts: list[str], name: str, **values: Any) -> dict[str, Any]:
        chosen, options = method.read(values)
        return page.start("merge", run, Config, experts=_weights(experts, values), name=name, method=chosen,
                          options=options)

    follow: dict[str, Any] = {
        "fn": painted, "inputs_kwargs": asked, "outputs": [pair, note, suggestion], "show_progress": "hidden",
        "trigger_mode": "always_last", "concurrency_limit": 1, "concurrency_id": "preview",
        "api_visibility": "private"}
    followed: list[Any] = [*sliders, guidance, seed, *method.inputs.values()]
    moved = [component.input for component in followed]
    gr.on([*moved, prompt.submit, drawn_for.change], **follow)
    other.click(another_prompt, [run, prompt], prompt, **QUIET).then(**follow)
    suggestion.click(lambda sentence: sentence, suggestion, prompt, **QUIET).then(**follow)
    noise.click(lambda: random.randint(0, 9999), None, seed, **QUIET).then(**follow)
    save.click(merged, inputs_kwargs={**asked, "name": name}, outputs=run, **QUIET)
    return Page([experts], [experts, *sliders, drawn_for, saved], show, opened=warm)


def warm(run: str) -> None:
    """Load the model while the reader still looks around."""
    if contents.of(runs.open_store(run)).experts:
        PREVIEW.warm(runs.open_store(run))


def show(run: str, drawn: list[str]) -> list[Any]:
    """A slider for each expert, moved back to 1 when the experts are others than before; and the saved merges."""
    found = contents.of(runs.open_store(run))
    names = list(found.experts[:MOST_EXPERTS])
    bank: list[Any] = [gr.skip()] * MOST_EXPERTS
    if names != drawn:
        bank = [gr.Slider(label=name, value=1, visible=True) for name in names]
        bank += [gr.Slider(visible=False)] * (MOST_EXPERTS - len(names))
    return [names, *bank, f"{run} {' '.join(names)}", saved_view(run, found.merges)]


def paint(run: str, prompt: str, seed: int, guidance: float, weights: Mapping[str, float], method: str,  # noqa: PLR0913
          options: Mapping[str, Any]) -> Iterator[list[Any]]:
    """The two pictures and what the judge reads in them; first a word of patience while the model is cold."""
    if not weights:
        yield [views.empty("No experts to merge yet", "Train experts first, or choose the example run above."),
               gr.skip(), gr.skip()]
        return
    if not prompt.strip():
        yield [gr.skip(), gr.skip(), gr.skip()]
        return
    store = runs.open_store(run)
    if not PREVIEW.is_warm(store):
        yield [views.waiting("The model is warming up: a few seconds, once."), *spoken(run, prompt)]
    try:
        plugin = plugins.load(methods, method)
        mix = plugin.coefficients(weights, build_config(plugin.Config, options, where=method))
        base, merged = PREVIEW.paint(store, Ask(prompt.strip(), seed, guidance, mix, STEPS))
    except EngineError as error:
        yield [views.failure(str(error)), *spoken(run, prompt)]
        return
    judged = contents.is_storybook(store)
    shown = [facing_view("base", base, prompt, seed, judged), facing_view("merged", merged, prompt, seed, judged)]
    yield [f'<div class="pair">{"".join(shown)}</div>', *spoken(run, prompt)]


def facing_view(title: str, image: Image.Image, prompt: str, seed: int, judged: bool) -> str:
    """A picture with the judge's reading below it, where the judge belongs to the run's world."""
    below = views.reading(_judge()(Prompt("", "", prompt.strip()), image, seed)) if judged else ""
    return views.facing(title, pictures.whole(image), below)


def spoken(run: str, prompt: str) -> list[Any]:
    """What is said of a prompt that Storybook cannot read, and the nearest sentence, ready to be clicked."""
    if contents.is_storybook(runs.open_store(run)):
        try:
            parse(prompt)
        except Unreadable as unread:
            return [gr.HTML(views.unreadable(unread.reason, unread.known), visible=True),
                    gr.Button(unread.nearest, visible=True)]
    return [gr.HTML("", visible=False), gr.Button(visible=False)]


def another_prompt(run: str, prompt: str) -> str:
    """A prompt the experts have not learned from: Storybook's validation set, or else one the run has written."""
    store = runs.open_store(run)
    if contents.is_storybook(store):
        known = [p.text for skill in evaluation.SKILLS for p in evaluation.load("validation", skill)]
    else:
        known = [p.text for prompts in contents.accepted(store).values() for p in prompts]
    return random.choice([text for text in known if text != prompt] or [prompt])


def saved_view(run: str, merges: Sequence[str]) -> str:
    """The run's merges with what they were made of."""
    recipes = {name: contents.recipe(runs.open_store(run).merge(name)) for name in merges}
    made = {name: f"{recipe['method']} of " + ", ".join(f"{e} {w:.3g}" for e, w in recipe["experts"].items())
            for name, recipe in recipes.items()}
    return views.named("Saved merges", made) if made else ""


def _weights(experts: Sequence[str], values: Mapping[str, Any]) -> dict[str, float]:
    """By name: the sliders in sight are those of `experts`, in this order."""
    return {name: float(values[f"weight_{n}"]) for n, name in enumerate(experts)}


@cache
def _judge() -> Any:
    from engine.judges import storybook
    return storybook.judge(storybook.Config())
