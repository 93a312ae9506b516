"""A painted grid as a table of pictures, per prompt."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypedDict

from app.show import judgement, markup, pictures, thumbnails
from app.show.pictures import Frame, Row
from engine import runs
from engine.core.store import Store, read_object, read_records
from engine.evaluate.standings import units
from engine.evaluate.standings.units import Unit
from engine.studies.cells import Cell
from engine.studies.grid import CELLS, RECIPE


class Axes(TypedDict):
    """What a grid's recipe says of them."""

    x: str
    y: str


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
    folder = store.folder / "grids" / name
    recipe = read_object(folder / RECIPE, recipe=Axes)["recipe"]
    tables = ""
    for prompt, cells in _by_prompt(cells_of(store, name)).items():
        tables += _table(folder, recipe, prompt, cells)
    return tables or markup.patience("The first cells are being painted.")


def cells_of(store: Store, name: str) -> list[Cell]:
    """The painted cells of a grid, in order."""
    return read_records(store.folder / "grids" / name / CELLS, Cell)


def names_of(store: Store) -> list[str]:
    """Its grids, the newest first."""
    recipes = store.folder.glob(f"grids/*/{RECIPE}")
    newest_first = sorted(recipes, key=lambda path: path.stat().st_mtime, reverse=True)
    return [path.parent.name for path in newest_first]


def _by_prompt(cells: Sequence[Cell]) -> dict[str, list[NumberedCell]]:
    found: dict[str, list[NumberedCell]] = {}
    for number, cell in enumerate(cells):
        found.setdefault(cell.prompt, []).append(NumberedCell(number, cell))
    return found


def _table(folder: Path, recipe: Axes, prompt: str, cells: Sequence[NumberedCell]) -> str:
    unit = units.judge_unit(str(recipe.get("judge", "")), [cell.value for _, cell in cells])
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
    return pictures.grid(prompt, f"{recipe['x']} → · {recipe['y']} ↓", heads, table)


def _frame(folder: Path, unit: Unit, number: int, cell: Cell) -> Frame:
    note = "" if cell.value is None else unit.alone(cell.value)
    picture = thumbnails.thumbnail(folder / cell.file_name)
    return Frame(number, picture, note, _description(cell))


def _description(cell: Cell) -> str:
    """The weights and the judge's answers."""
    lines = [f"{name} {weight:.3g}" for name, weight in cell.weights.items()]
    lines += map(judgement.answer_text, cell.evidence.get("questions", ()))
    return "\n".join(lines)
