"""The grid of the merge tab: pictures over two axes, all from one noise; a click takes a cell's
weights over.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite, nan
from typing import Any

import gradio as gr

from app import access, launch, parts
from app.listeners import BROWSER_ONLY, QUEUED, Updates, Values
from app.tabs.merge import grid_view
from engine import runs, worlds
from engine.core.errors import EngineError
from engine.runs import contents
from engine.runs.side_by_side import Subject
from engine.studies import results
from engine.studies.axes import GUIDANCE, STRENGTH
from engine.studies.cells import Cell
from engine.studies.grid import Config, plan

FIVE = "0, 0.25, 0.5, 0.75, 1"
SCALES = "1, 2, 3.5, 5"
USUAL_VALUES = (
    f"name => name === {json.dumps(GUIDANCE)} ? {json.dumps(SCALES)} : {json.dumps(FIVE)}"
)
"""In the page itself: an answer of the server that came late would write over what was typed
meanwhile.
"""
CLICKS = """element.addEventListener('click', event => {
  const cell = event.target.closest('[data-cell]');
  if (cell) trigger('select', {cell: Number(cell.dataset.cell)});
});"""


@dataclass(frozen=True)
class GridPane:
    """The pane's components and what they do."""

    run: gr.Dropdown
    x: gr.Dropdown
    y: gr.Dropdown
    x_values: gr.Textbox
    y_values: gr.Textbox
    paint: gr.Button
    name: gr.Dropdown
    html: gr.HTML

    @property
    def form(self) -> set[Any]:
        """What says which grid is to be painted."""
        return {self.x, self.y, self.x_values, self.y_values}

    @property
    def inputs(self) -> set[Any]:
        """What `show` reads."""
        return {self.x, self.y, self.name}

    @property
    def outputs(self) -> list[Any]:
        return [self.x, self.y, self.name, self.html]

    def start(self, values: Values, weights: dict[str, float], subject: Subject) -> Updates:
        """Paint a new grid of the run as a job, the newest one from now on. Raises EngineError."""
        run = values[self.run]
        store = runs.open_store(run)
        world = contents.world(store)
        options = subject._asdict() | contents.base_of(store) | self._axes(values)
        options["prompts"] = subject.prompts or (world.EXAMPLE,)
        options["weights"] = weights
        options["name"] = results.free_name(store, results.GRIDS, "grid")
        options["judge"] = worlds.judge_of(world)
        choice = launch.start("grid", run, Config, plan, **options)
        return {self.run: choice, self.name: None}

    def show(self, run: str, experts: Sequence[str], values: Values) -> Updates:
        """The axes there are, and the newest grid unless one is chosen."""
        axes = [*experts, STRENGTH, GUIDANCE]
        grids = results.grids(runs.open_store(run))
        x = parts.one_of(values[self.x], axes)
        others = [axis for axis in axes[1:] if axis != x]
        y = values[self.y] if values[self.y] in axes and values[self.y] != x else others[0]
        name = parts.one_of(values[self.name], grids)
        choices = {
            self.x: parts.choice_update(axes, x),
            self.y: parts.choice_update(axes, y),
            self.name: parts.choice_update(grids, name, visible=len(grids) > 1),
        }
        return {**choices, self.html: grid_view.view(run, name)}

    def _axes(self, values: Values) -> dict[str, Any]:
        """Raises EngineError for values that are no numbers."""
        return {
            "x": values[self.x] or "",
            "y": values[self.y] or "",
            "x_values": numbers(values[self.x_values]),
            "y_values": numbers(values[self.y_values]),
        }

    def draw(self, values: Values) -> Updates:
        """Another grid."""
        return {self.html: grid_view.view(values[self.run], values[self.name])}

    def clicked_cell(self, values: Values, click: gr.EventData) -> Cell | None:
        """None for one that is not there."""
        name, number = values[self.name], int(click._data["cell"])
        if not name:
            return None
        cells = results.cells(runs.open_store(values[self.run]), name)
        return cells[number] if 0 <= number < len(cells) else None


def build(run: gr.Dropdown) -> GridPane:
    with gr.Row(elem_classes="bar"):
        x = gr.Dropdown([], label="From left to right", min_width=150, elem_id="grid-x")
        x_values = parts.short_text(FIVE, "Values", "grid-x-values")
        y = gr.Dropdown([], label="From top to bottom", min_width=150, elem_id="grid-y")
        y_values = parts.short_text(FIVE, "Values", "grid-y-values")
    with gr.Row(elem_classes="bar"):
        paint = parts.narrow_button("Paint the grid", "paint-grid", 190, variant="primary")
        name = gr.Dropdown([], label="Grid", visible=False, elem_id="grid-name", min_width=150)
    access.note()
    html = gr.HTML(elem_id="grid", js_on_load=CLICKS)
    pane = GridPane(run, x, y, x_values, y_values, paint, name, html)
    x.input(inputs={x}, outputs=[x_values], js=USUAL_VALUES, **BROWSER_ONLY)
    y.input(inputs={y}, outputs=[y_values], js=USUAL_VALUES, **BROWSER_ONLY)
    name.input(pane.draw, {run, name}, [html], **QUEUED)
    return pane


def numbers(text: str) -> tuple[float, ...]:
    """Raises EngineError for what is no list of finite numbers."""
    found = tuple(map(_number, _texts(text)))
    if not all(map(isfinite, found)):
        raise EngineError(f"{text!r} are no numbers. Write them with commas between: {FIVE}.")
    return found


def _texts(text: str) -> list[str]:
    """What stands between commas or semicolons."""
    texts = text.replace(";", ",").split(",")
    return [part for part in texts if part.strip()]


def _number(text: str) -> float:
    """Not a number for what is none."""
    try:
        return float(text)
    except ValueError:
        return nan
