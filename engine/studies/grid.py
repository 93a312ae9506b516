"""Pictures over two axes: experts' weights, the strength of all of them, or the guidance scale; one
noise for all.

Reads experts/, writes grids/<name>/: a PNG per cell and prompt, and cells.jsonl with what each was
painted with and what the judge says of it. All cells are rows of the same batches: every row has
its own mixture and its own guidance.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engine import worlds
from engine.core import names, provenance, texts
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.options import option
from engine.core.store import Store, atomic, read_records, write_records
from engine.core.weights import check as check_weights
from engine.models.identity import recognised
from engine.option_groups import BaseModel, OptionalJudging, Painting
from engine.studies import axes
from engine.studies.axes import GUIDANCE, STRENGTH
from engine.studies.cells import MOST_CELLS, Cell, judge_of

if TYPE_CHECKING:
    from PIL import Image

    from engine.models.ensemble import Ensemble

CELLS, RECIPE = "cells.jsonl", "recipe.json"


@dataclass(frozen=True)
class Config(Painting, OptionalJudging, BaseModel):
    """Two axes and what stays the same."""

    x: str = option(help=f"An expert, {STRENGTH!r} or {GUIDANCE!r}")
    y: str = option(help="Another one")
    weights: dict[str, float] = option(
        help="What each expert's delta counts where no axis changes it"
    )
    x_values: tuple[float, ...] = option((0.0, 0.25, 0.5, 0.75, 1.0), "From left to right")
    y_values: tuple[float, ...] = option((0.0, 0.25, 0.5, 0.75, 1.0), "From top to bottom")
    prompts: tuple[str, ...] = option((worlds.usual().EXAMPLE,), "A grid each")
    name: str = option("grid", "Its folder", recorded="by that")
    seed: int = option(1, "The noise of every cell", range=(0, 2**32 - 1))
    batch_size: int = option(
        32,
        "Cells painted at once",
        range=(1, 1024),
        decides=False,
        why="it changes pictures by 1/255 at most",
    )


def run(config: Config, store: Store) -> Iterator[Event]:
    """Paint what is missing, a batch at a time. Raises EngineError, naming the remedy."""
    check(config)
    from engine.models.ensemble import Ensemble

    cells = plan(config)
    folder = store.folder / "grids" / config.name
    ensemble = Ensemble(config.base, store, config.weights)
    judge = judge_of(config.judge_choice, config.seed)
    # asked before anything is written: a base that refuses the experts leaves no empty grid
    if not (folder / RECIPE).exists() and ensemble.mixture is None:
        raise EngineError("A grid needs an expert. Name one and what it weighs.")
    finished = painted_cells(config, folder, _hashes(ensemble))
    yield _progress(finished, cells, folder)
    missing = [cell for cell in cells if cell.file_name not in finished]
    for first in range(0, len(missing), config.batch_size):
        batch = missing[first : first + config.batch_size]
        images = _paint(config, ensemble, batch)
        for cell, image in zip(batch, images, strict=True):
            with atomic(folder / cell.file_name) as temporary:
                image.save(temporary)
            finished[cell.file_name] = judge(cell, image)
        in_order = [finished[cell.file_name] for cell in cells if cell.file_name in finished]
        write_records(folder / CELLS, in_order)
        yield _progress(finished, cells, folder)
    text, count = f"A grid of {len(cells)} cells.", len(cells)
    yield Event(text, count, count, "done", {"folder": str(folder)})


def plan(config: Config) -> list[Cell]:
    """All cells, prompt by prompt, row by row. Raises EngineError for axes that make no sense."""
    check(config)
    cells = []
    for number, prompt in enumerate(config.prompts):
        for row, y in enumerate(config.y_values):
            for column, x in enumerate(config.x_values):
                place = {config.x: x, config.y: y}
                weights = axes.weights_at(place, config.weights)
                guidance = place.get(GUIDANCE, config.guidance)
                file_name = f"{number:02}-{row:02}-{column:02}.png"
                cells.append(Cell(file_name, prompt, column, row, x, y, weights, guidance))
    return cells


def check(config: Config) -> None:
    """Raises EngineError for axes, weights, a base and a judge that make no sense."""
    axes.check_name(config.x, config.weights)
    axes.check_name(config.y, config.weights)
    _check_size(config)
    axes.check_values(config.x, config.x_values)
    axes.check_values(config.y, config.y_values)
    names.check(config.name, "a grid")
    for name in config.weights:
        names.check(name, "an expert")
    config.check_base()
    config.check_judge()
    texts.check(config.prompts)
    check_weights(config.weights)


def identity(config: Config, parents: Mapping[str, str]) -> provenance.Identity:
    """What decides a grid; options are recorded as texts."""
    options = {name: str(value) for name, value in provenance.deciding_options(config).items()}
    defaults = {name: str(value) for name, value in provenance.defaults(type(config)).items()}
    return provenance.Identity({**options, **parents}, defaults)


def painted_cells(config: Config, folder: Path, parents: Mapping[str, str]) -> dict[str, Cell]:
    """By file name, what is painted already. Begins the folder's recipe where there is none.

    Raises EngineError when the folder holds another grid.
    """
    ours = identity(config, parents)
    file = folder / RECIPE
    if file.exists():
        recorded = recognised(provenance.read(file), ours)
        complaint = f"The grid {config.name} is another one"
        provenance.is_same(recorded, ours, complaint, "Choose another name")
    else:
        provenance.write(file, ours)
    cells = {}
    for cell in read_records(folder / CELLS, Cell):
        if (folder / cell.file_name).is_file():
            cells[cell.file_name] = cell
    return cells


def _check_size(config: Config) -> None:
    if config.x == config.y:
        raise EngineError(f"Both axes are {config.x}. Choose two.")
    if not config.weights or not config.x_values or not config.y_values or not config.prompts:
        raise EngineError(
            "A grid needs an expert, values for both axes and a prompt. Give it all of them."
        )
    count = len(config.x_values) * len(config.y_values) * len(config.prompts)
    if count > MOST_CELLS:
        raise EngineError(f"{count} cells are too many to look at. Choose {MOST_CELLS} at most.")


def _hashes(ensemble: "Ensemble") -> dict[str, str]:
    """What the pictures are made from: the weights of the base and of every expert."""
    hashes = {"base's sha256": ensemble.fingerprint}
    for name, sha256 in ensemble.hashes.items():
        hashes[f"{name}'s sha256"] = sha256
    return hashes


def _paint(config: Config, ensemble: "Ensemble", cells: Sequence[Cell]) -> list["Image.Image"]:
    """All in one batch, from the same noise."""
    prompts = [cell.prompt for cell in cells]
    guidance = [cell.guidance for cell in cells]
    mixes = [cell.weights for cell in cells]
    seeds = [config.seed] * len(cells)
    how = {"steps": config.steps, "sampler": config.sampler}
    return ensemble.paint(prompts, seeds, guidance, mixes, **how)


def _progress(finished: Mapping[str, Cell], cells: Sequence[Cell], folder: Path) -> Event:
    done, total = len(finished), len(cells)
    return Event(f"{done} of {total} cells", done, total, data={"folder": str(folder)})
