"""The grid of the merge tab: pictures over two axes, all from one noise; a click takes a cell's
weights over.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite, nan
from pathlib import Path
from typing import Any, TypedDict

import gradio as gr
from gradio.components import Component

from app import page
from app.show import markup, thumbnails
from engine import runs, worlds
from engine.core.errors import EngineError
from engine.core.store import Store, read_object, read_records
from engine.evaluate.standings import units
from engine.evaluate.standings.units import Unit
from engine.runs import contents
from engine.studies.axes import GUIDANCE, STRENGTH
from engine.studies.cells import Cell
from engine.studies.grid import CELLS, RECIPE, Config, plan

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


class Axes(TypedDict):
    """What a grid's recipe says of them."""

    x: str
    y: str


@dataclass(frozen=True)
class Pane:
    """What the merge tab wires up."""

    x: gr.Dropdown
    y: gr.Dropdown
    x_values: gr.Textbox
    y_values: gr.Textbox
    paint: gr.Button
    chosen: gr.Dropdown
    shown: gr.HTML

    @property
    def outputs(self) -> list[Component]:
        return [self.x, self.y, self.chosen, self.shown]


def build() -> Pane:
    with gr.Row(elem_classes="bar"):
        x = gr.Dropdown([], label="From left to right", min_width=150, elem_id="grid-x")
        x_values = gr.Textbox(
            FIVE, label="Values", min_width=150, max_lines=1, elem_id="grid-x-values"
        )
        y = gr.Dropdown([], label="From top to bottom", min_width=150, elem_id="grid-y")
        y_values = gr.Textbox(
            FIVE, label="Values", min_width=150, max_lines=1, elem_id="grid-y-values"
        )
    with gr.Row(elem_classes="bar"):
        paint = gr.Button(
            "Paint the grid", variant="primary", elem_id="paint-grid", min_width=190, scale=0
        )
        chosen = gr.Dropdown([], label="Grid", visible=False, elem_id="grid-name", min_width=150)
    shown = gr.HTML(elem_id="grid", js_on_load=CLICKS)
    for axis, values in ((x, x_values), (y, y_values)):
        axis.input(None, axis, values, js=USUAL_VALUES, api_visibility="private")
    return Pane(x, y, x_values, y_values, paint, chosen, shown)


def start(run: str, weights: Mapping[str, float], values: Mapping[str, Any]) -> dict[str, Any]:
    """Paint a new grid of the run as a job. `values` are the form's, `weights` what the sliders
    show.

    Raises EngineError, with the remedy.
    """
    store = runs.open_store(run)
    axes = {"x_values": numbers(values["x_values"]), "y_values": numbers(values["y_values"])}
    return page.start(
        "grid",
        run,
        Config,
        plan,
        x=values["x"] or "",
        y=values["y"] or "",
        **axes,
        weights=dict(weights),
        prompts=tuple(values["prompts"]),
        seed=values["seed"],
        guidance=values["guidance"],
        name=_new_name(store),
        judge=worlds.judge_of(contents.world(store)),
        **contents.base_of(store),
    )


def numbers(text: str) -> tuple[float, ...]:
    """Raises EngineError for what is no list of finite numbers."""
    try:
        found = tuple(float(part) for part in text.replace(";", ",").split(",") if part.strip())
    except ValueError:
        found = (nan,)
    if not all(map(isfinite, found)):
        raise EngineError(f"{text!r} are no numbers. Write them with commas between: {FIVE}.")
    return found


def show(
    run: str, experts: Sequence[str], x: str | None, y: str | None, chosen: str | None
) -> list[Any]:
    """Values for a pane's outputs; the newest grid unless one is chosen."""
    axes, names = [*experts, STRENGTH, GUIDANCE], names_of(runs.open_store(run))
    x = x if x in axes else axes[0]
    y = y if y in axes and y != x else next(axis for axis in axes[1:] if axis != x)
    chosen = chosen if chosen in names else next(iter(names), None)
    return [
        gr.update(choices=axes, value=x),
        gr.update(choices=axes, value=y),
        gr.update(choices=names, value=chosen, visible=len(names) > 1),
        drawn(run, chosen),
    ]


def drawn(run: str, chosen: str | None) -> str:
    """A table a prompt, as far as it is painted."""
    store = runs.open_store(run)
    if chosen is None:
        return markup.empty(
            "No grid yet",
            "Choose two axes, say two experts, and press Paint the grid: one picture for "
            "every pair of weights, all from the same noise. A click on a picture takes its "
            "weights.",
        )
    file = store.folder / "grids" / chosen / RECIPE
    cells, asked = cells_of(store, chosen), read_object(file, recipe=Axes)["recipe"]
    parts = [
        _table(
            store,
            chosen,
            asked,
            prompt,
            [(n, cell) for n, cell in enumerate(cells) if cell.prompt == prompt],
        )
        for prompt in dict.fromkeys(cell.prompt for cell in cells)
    ]
    return "".join(parts) or markup.waiting("The first cells are being painted.")


def cells_of(store: Store, name: str) -> list[Cell]:
    """The painted cells of a grid, in order."""
    return read_records(store.folder / "grids" / name / CELLS, Cell)


def names_of(store: Store) -> list[str]:
    """Its grids, the newest first."""
    found = sorted(
        store.folder.glob(f"grids/*/{RECIPE}"), key=lambda path: path.stat().st_mtime, reverse=True
    )
    return [path.parent.name for path in found]


def _table(
    store: Store,
    name: str,
    asked: Mapping[str, Any],
    prompt: str,
    cells: Sequence[tuple[int, Cell]],
) -> str:
    known = {(cell.row, cell.column): (number, cell) for number, cell in cells}
    rows = sorted({cell.row for _, cell in cells})
    columns = sorted({cell.column for _, cell in cells})
    folder = store.folder / "grids" / name
    unit = units.of(asked.get("judge", ""), (cell.value for _, cell in cells))
    lines = []
    for row in rows:
        of_row = [known.get((row, column)) for column in columns]
        first = next(found[1] for found in of_row if found)
        shown = [_cell(folder, unit, *found) if found else None for found in of_row]
        lines.append((f"{first.y:g}", shown))
    head = [f"{next(cell for _, cell in cells if cell.column == column).x:g}" for column in columns]
    return markup.grid(prompt, f"{asked['x']} → · {asked['y']} ↓", head, lines)


def _cell(folder: Path, unit: Unit, number: int, cell: Cell) -> markup.GridCell:
    said = "" if cell.value is None else unit.alone(cell.value)
    return number, thumbnails.thumbnail(folder / cell.file_name), said, _read(cell)


def _read(cell: Cell) -> str:
    """The judge's answers, for whoever rests on the picture."""
    answers = [
        f"{markup.YES if q['yes'] else markup.NO} {q['text']}"
        for q in cell.evidence.get("questions", ())
    ]
    return "\n".join([f"{name} {weight:.3g}" for name, weight in cell.weights.items()] + answers)


def _new_name(store: Store) -> str:
    taken = set(names_of(store))
    return next(name for n in range(1, len(taken) + 2) if (name := f"grid-{n}") not in taken)
