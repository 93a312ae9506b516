"""Slide the experts' weights: base and merged pictures from the same noise follow, and so does the
judge.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from app import access, page
from app.forms.history import judged_skills
from app.page import QUIET, Page
from app.tabs.merge import (
    comparison,
    files_pane,
    grid_pane,
    interference_pane,
    opening,
    prompt_box,
    search_pane,
    sliders,
    undo_steps,
)
from app.tabs.merge.opening import LEAST_GUIDANCE, MOST_GUIDANCE
from engine import runs
from engine.merge import preview_weights
from engine.runs import contents
from engine.runs.preview import USUAL_GUIDANCE
from engine.studies import leave_one_out

TITLE = "Merge"
LARGEST_SEED = 2**32 - 1
SIDE_BY_SIDE, GRID, INTERFERENCE, SEARCH, FILES = PANES = (
    "beside",
    "grid",
    "interference",
    "search",
    "files",
)


@dataclass(frozen=True)
class Scene:
    """What is painted."""

    prompt: gr.Textbox
    other: gr.Button
    guidance: gr.Slider
    seed: gr.Number
    noise: gr.Button


@dataclass(frozen=True)
class Views:
    """What is seen, pane by pane."""

    panes: gr.Tabs
    each: gr.Checkbox
    opening: gr.HTML
    pair: list[Component]
    suggestion: gr.Button
    grid: grid_pane.Pane
    leave_out: gr.Button
    opened: gr.State
    """The name of the pane in sight; those that take long to fill are filled in sight only."""
    block: Component
    what: Component
    filled: dict[str, list[Component]]
    """By pane."""


def build(run: gr.Dropdown) -> Page:
    drawn_for = gr.Textbox(
        visible="hidden", elem_id="drawn-for"
    )  # a State's change is not told after quick events
    experts = gr.State([])
    with gr.Row(elem_id="merge"):
        with gr.Column(scale=1, min_width=300):
            bank = sliders.build()
        with gr.Column(scale=2, min_width=320):
            scene, shown = _scene(), _views(run, experts)
    asked = {
        "run": run,
        "experts": experts,
        "prompt": scene.prompt,
        "seed": scene.seed,
        "guidance": scene.guidance,
        "each": shown.each,
        **bank.weighed,
    }
    follow = _follow(bank, asked, shown)
    _wire_scene(run, bank, scene, shown, follow)
    way = sliders.wire(run, experts, bank, asked, follow)
    begun = gr.State(opening.EXAMPLE)
    scenery = [scene.prompt, scene.seed, scene.guidance, shown.opening, begun]

    @page.told()
    def begin(run: str, experts: list[str], prompt: str, begun: str) -> list[Any]:
        method = bank.method.set(opening.METHOD, opening.OPTIONS)
        return [*method, *opening.shown(run, experts, prompt, begun)]

    begins = drawn_for.change(
        begin, [run, experts, scene.prompt, begun], [*bank.method.outputs, *scenery], **QUIET
    )
    begins.then(**way.begin).then(**follow)
    _wire_panes(run, experts, bank, scene, shown, asked, [way.step, follow])
    grid = shown.grid
    outputs = [
        experts,
        *bank.sliders,
        bank.preset,
        drawn_for,
        bank.saved,
        *grid.outputs,
        *(component for pane in shown.filled.values() for component in pane),
    ]
    return Page(
        [drawn_for, grid.x, grid.y, grid.chosen, shown.opened, shown.block, shown.what],
        outputs,
        show,
        opened=warm,
    )


def _scene() -> Scene:
    with gr.Row(elem_classes="bar"):
        prompt = gr.Textbox(
            opening.EXAMPLE,
            label="Prompts, one a line",
            lines=1,
            max_lines=4,
            scale=4,
            min_width=200,
            elem_id="merge-prompt",
            submit_btn="Paint",
        )
        other = gr.Button("Another prompt", min_width=160, scale=0, elem_id="another-prompt")
    with gr.Row(elem_classes="bar"):
        guidance = gr.Slider(
            LEAST_GUIDANCE,
            MOST_GUIDANCE,
            USUAL_GUIDANCE,
            step=0.5,
            label="Guidance scale",
            min_width=160,
            elem_id="merge-guidance",
        )
        seed = gr.Number(
            1, label="Noise", precision=0, minimum=0, maximum=LARGEST_SEED, min_width=100
        )
        noise = gr.Button("Other noise", min_width=140, scale=0, elem_id="other-noise")
    return Scene(prompt, other, guidance, seed, noise)


def _views(run: gr.Dropdown, experts: gr.State) -> Views:
    with gr.Tabs(selected=SIDE_BY_SIDE, elem_id="merge-views", overflow_behavior="wrap") as panes:
        with gr.Tab("Side by side", id=SIDE_BY_SIDE):
            each = gr.Checkbox(
                False, label="Every expert alone, too", elem_id="each-expert", container=False
            )
            note = gr.HTML(visible=False, elem_id="merge-note")
            suggestion = gr.Button(visible=False, size="sm", elem_id="suggestion")
            pair = gr.HTML(elem_id="merge-pair")
            first = gr.HTML(elem_id="merge-opening")
        with gr.Tab("Grid", id=GRID):
            grid = grid_pane.build()
        with gr.Tab("Interference", id=INTERFERENCE):
            leave_out, report = interference_pane.build(run)
        with gr.Tab("Search", id=SEARCH):
            search = search_pane.build(run, experts)
        with gr.Tab("Files", id=FILES):
            downloads = files_pane.build(run)
    opened = gr.State(SIDE_BY_SIDE)
    filled = {INTERFERENCE: report, SEARCH: search, FILES: downloads}
    return Views(
        panes,
        each,
        first,
        [pair, note, suggestion],
        suggestion,
        grid,
        leave_out,
        opened,
        report[0],
        downloads[0],
        filled,
    )


def _follow(bank: sliders.Bank, asked: Mapping[str, Component], shown: Views) -> dict[str, Any]:
    """A listener that paints side by side what is asked for, the latest only."""

    def painted(run: str, prompt: str, each: bool, **values: Any) -> Iterator[list[Any]]:
        mix = sliders.weights_of(values["experts"], values), *bank.method.read(values)
        with page.told():
            asked = prompt_box.lines_of(prompt), int(values["seed"] or 0), values["guidance"], each
            yield from comparison.paint(run, *asked, *mix)

    return {
        "fn": painted,
        "inputs_kwargs": asked,
        "outputs": shown.pair,
        "show_progress": "hidden",
        "js": undo_steps.in_range([*asked.values()]),
        "trigger_mode": "always_last",
        "concurrency_limit": 1,
        "concurrency_id": "preview",
        "api_visibility": "private",
    }


def _wire_scene(
    run: gr.Dropdown, bank: sliders.Bank, scene: Scene, shown: Views, follow: dict[str, Any]
) -> None:
    followed: list[Any] = [
        *bank.sliders,
        scene.guidance,
        scene.seed,
        shown.each,
        *bank.method.inputs.values(),
    ]
    gr.on([*(component.input for component in followed), scene.prompt.submit], **follow)
    scene.other.click(
        page.told()(prompt_box.another), [run, scene.prompt], scene.prompt, **QUIET
    ).then(**follow)
    shown.suggestion.click(
        comparison.instead, [run, scene.prompt, shown.suggestion], scene.prompt, **QUIET
    ).then(**follow)
    scene.noise.click(lambda: random.randint(0, 9999), None, scene.seed, **QUIET).then(**follow)


def _wire_panes(
    run: gr.Dropdown,
    experts: gr.State,
    bank: sliders.Bank,
    scene: Scene,
    shown: Views,  # noqa: PLR0913
    asked: Mapping[str, Component],
    then: Sequence[dict[str, Any]],
) -> None:
    """The grid paints and gives its weights away; the other panes are worked out when they are
    opened.
    """
    grid, method = shown.grid, bank.method

    @page.told()
    @access.only
    def grid_of(run: str, prompt: str, **values: Any) -> list[Any]:
        weights = preview_weights.coefficients(
            *method.read(values), sliders.weights_of(values["experts"], values)
        )
        own = {
            "prompts": prompt_box.lines_of(prompt)
            or (contents.world(runs.open_store(run)).EXAMPLE,),
            "seed": int(values["seed"] or 0),
        }
        return [grid_pane.start(run, weights, values | own), None]

    @page.told()
    @access.only
    def left_out(run: str, guidance: float, **values: Any) -> dict[str, Any]:
        chosen, options = method.read(values)
        judge = contents.judge_of(runs.open_store(run), "Leaving experts out")
        return page.start(
            "leave_one_out",
            run,
            leave_one_out.Config,
            leave_one_out.check,
            experts=sliders.weights_of(values["experts"], values),
            method=chosen,
            options=options,
            guidance=guidance,
            judge=judge,
            skills=judged_skills(run),
            **contents.base_of(runs.open_store(run)),
        )

    @page.told()
    def adopted(
        run: str, experts: list[str], chosen: str | None, clicked: gr.EventData
    ) -> list[Any]:
        cells = grid_pane.cells_of(runs.open_store(run), chosen) if chosen else []
        if not 0 <= (number := int(clicked._data["cell"])) < len(cells):
            return [gr.skip()] * (sliders.MOST_EXPERTS + 1 + len(method.outputs))
        return [
            *sliders.slid(experts, cells[number].weights),
            sliders.at(cells[number].guidance, LEAST_GUIDANCE, MOST_GUIDANCE),
            *method.set("weighted", {"strength": 1.0}),
        ]

    axes = {"x": grid.x, "y": grid.y, "x_values": grid.x_values, "y_values": grid.y_values}
    grid.paint.click(grid_of, outputs=[run, grid.chosen], inputs_kwargs={**asked, **axes}, **QUIET)
    grid.chosen.input(page.told()(grid_pane.drawn), [run, grid.chosen], grid.shown, **QUIET)
    grid.shown.select(
        adopted,
        [run, experts, grid.chosen],
        [*bank.sliders, scene.guidance, *method.outputs],
        **QUIET,
    ).then(**then[0]).then(lambda: gr.Tabs(selected=SIDE_BY_SIDE), None, shown.panes, **QUIET).then(
        **then[1]
    )
    shown.leave_out.click(left_out, outputs=run, inputs_kwargs=dict(asked), **QUIET)
    shown.panes.select(
        open_pane,
        [run, shown.block, shown.what],
        [shown.opened, *(c for of in shown.filled.values() for c in of)],
        show_progress="minimal",
        api_visibility="private",
    )


def warm(run: str) -> None:
    """Load the model while the reader still looks around."""
    if contents.of(runs.open_store(run)).experts:
        comparison.PREVIEW.warm(runs.open_store(run))


def show(
    run: str,
    drawn_for: str,
    x: str | None,
    y: str | None,
    grid: str | None,
    opened: str,  # noqa: PLR0913
    block: str | None,
    what: str | None,
) -> list[Any]:
    """A slider for each expert, moved back to 1 when the experts are others than before; saved
    merges; the panes.
    """
    store = runs.open_store(run)
    found = contents.of(store)
    names = list(found.experts[: sliders.MOST_EXPERTS])
    drawing = contents.identity(store, names)
    fresh: dict[str, Any] = {
        "value": 1,
        "minimum": sliders.LOWEST,
        "maximum": sliders.HIGHEST,
        "visible": True,
    }
    bank = [
        gr.update(
            label=name,
            info=contents.unfinished(store, name),
            **(fresh if drawing != drawn_for else {}),
        )
        for name in names
    ]
    bank += [gr.update(visible=False)] * (sliders.MOST_EXPERTS - len(names))
    choices = gr.update(choices=list(sliders.known_presets(run, names)))
    return [
        names,
        *bank,
        choices,
        drawing,
        sliders.saved_view(run, found),
        *grid_pane.show(run, names, x, y, grid),
        *filled(opened, run, block, what),
    ]


@page.told()
def open_pane(run: str, block: str | None, what: str | None, chosen: gr.SelectData) -> list[Any]:
    """The name of the pane that is opened, and what belongs into it."""
    name = PANES[chosen.index]
    return [name, *filled(name, run, block, what)]


def filled(opened: str, run: str, block: str | None, what: str | None) -> list[Any]:
    """Values for all panes that take long; those out of sight stay as they are."""
    making = {
        INTERFERENCE: (4, lambda: interference_pane.show(run, block)),
        SEARCH: (2, lambda: search_pane.show(run)),
        FILES: (7, lambda: files_pane.show(run, what)),
    }
    return [
        value
        for name, (count, make) in making.items()
        for value in (make() if name == opened else [gr.skip()] * count)
    ]
