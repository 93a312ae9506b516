"""What the studies of a run have found so far: its grids, its searches, its leave-one-out."""

from pathlib import Path
from typing import Any, TypedDict

from engine.core.store import Store, read_object, read_records
from engine.studies.candidates import file_of
from engine.studies.cells import Cell
from engine.studies.grid import CELLS, RECIPE
from engine.studies.leave_one_out import RESULT

GRIDS, SEARCHES = "grids", "searches"
Triple = tuple[float, float, float]
"""A difference between two means, and the ends of its interval."""


class Axes(TypedDict):
    """What a grid's recipe says of its axes."""

    x: str
    y: str


class Rest(TypedDict):
    """What is left without one expert; None where nothing could be scored."""

    score: float | None
    difference: Triple | None


class Merge(TypedDict):
    """What each expert was left out of."""

    method: str
    experts: dict[str, float]
    guidance: float


def grids(run: Store) -> list[str]:
    """The grids, the newest first."""
    recipes = run.folder.glob(f"{GRIDS}/*/{RECIPE}")
    newest_first = sorted(recipes, key=_changed_at, reverse=True)
    return [path.parent.name for path in newest_first]


def grid_folder(run: Store, grid: str) -> Path:
    return run.folder / GRIDS / grid


def grid_axes(run: Store, grid: str) -> Axes:
    """Raises EngineError for a damaged recipe."""
    recipe: Axes = read_object(grid_folder(run, grid) / RECIPE, recipe=Axes)["recipe"]
    return recipe


def cells(run: Store, grid: str) -> list[Cell]:
    """The painted cells of a grid, in order."""
    return read_records(grid_folder(run, grid) / CELLS, Cell)


def newest_search(run: Store) -> str:
    """The search that was last worked on; "" before there was one."""
    files = list(run.folder.glob(f"{SEARCHES}/*/{file_of(run, '').name}"))
    return max(files, key=_changed_at).parent.name if files else ""


def search_result(run: Store, search: str) -> dict[str, Any] | None:
    """The winner and the average on test; None before the end."""
    file = file_of(run, search).with_name("result.json")
    if not file.exists():
        return None
    rates: dict[str, Any] = {}
    for name in ("test", "average_on_test", "floor", "ceiling"):
        rates[name] = float | None
    return read_object(file, verdict=str, difference=Triple | None, **rates)


def left_out(run: Store) -> dict[str, Any] | None:
    """What a merge scores with all experts, and without each; None before there is a result."""
    file = run.folder / RESULT
    if not file.exists():
        return None
    rates: dict[str, Any] = {}
    for name in ("all", "floor", "ceiling"):
        rates[name] = float | None
    return read_object(file, merge=Merge, without=dict[str, Rest], **rates)


def free_name(run: Store, folder: str, stem: str) -> str:
    """The first of stem-1, stem-2, ... that is not in the run's folder of grids or searches."""
    number = 1
    while (run.folder / folder / f"{stem}-{number}").exists():
        number += 1
    return f"{stem}-{number}"


def _changed_at(file: Path) -> float:
    return file.stat().st_mtime
