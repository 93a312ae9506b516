"""A painted grid as a table of pictures, per prompt."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from app.show import judgement, markup, pictures, thumbnails
from app.show.pictures import Frame, Row
from engine import runs
from engine.evaluate.standings import units
from engine.evaluate.standings.units import Unit
from engine.studies import results
from engine.studies.cells import Cell
from engine.studies.results import Axes


class NumberedCell(NamedTuple):
    """A painted cell and its place among all of its grid."""

    number: int
    cell: Cell


def view(run: str, name: str | None) -> str:
    """A table per prompt, as far as it is painted."""
    if name is None:
        return markup.empty(
            "No grid yet",
            "Choose two axes, say two experts, and press Paint the grid: one picture for "
            "every pair of weights, all from the same noise. A click on a picture takes its "
            "weights.",
        )
    store = runs.open_store(run)
    folder, axes = results.grid_folder(store, name), results.grid_axes(store, name)
    tables = ""
    for prompt, cells in _by_prompt(results.cells(store, name)).items():
        tables += _table(folder, axes, prompt, cells)
    return tables or markup.patience("The first cells are being painted.")


def _by_prompt(cells: Sequence[Cell]) -> dict[str, list[NumberedCell]]:
    by_prompt: dict[str, list[NumberedCell]] = {}
    for number, cell in enumerate(cells):
        by_prompt.setdefault(cell.prompt, []).append(NumberedCell(number, cell))
    return by_prompt


def _table(folder: Path, axes: Axes, prompt: str, cells: Sequence[NumberedCell]) -> str:
    unit = units.judge_unit(axes.get("judge", ""), [cell.value for _, cell in cells])
    columns, rows = {}, {}
    frames = {}
    for number, cell in cells:
        columns[cell.column] = f"{cell.x:g}"
        rows[cell.row] = f"{cell.y:g}"
        frames[cell.row, cell.column] = _frame(folder, unit, number, cell)
    table = []
    for row in sorted(rows):
        row_frames = [frames.get((row, column)) for column in sorted(columns)]
        table.append(Row(rows[row], row_frames))
    heads = [columns[column] for column in sorted(columns)]
    return pictures.grid(prompt, f"{axes['x']} → · {axes['y']} ↓", heads, table)


def _frame(folder: Path, unit: Unit, number: int, cell: Cell) -> Frame:
    note = "" if cell.value is None else unit.alone(cell.value)
    picture = thumbnails.thumbnail(folder / cell.file_name)
    return Frame(number, picture, note, _description(cell))


def _description(cell: Cell) -> str:
    """The weights and the judge's answers."""
    lines = [f"{name} {weight:.3g}" for name, weight in cell.weights.items()]
    lines += map(judgement.answer_text, cell.answers)
    return "\n".join(lines)
