"""Pictures over two axes: experts' weights, the strength of all of them, or the guidance scale; one
noise for all.

Reads experts/, writes grids/<name>/: a PNG per cell and prompt, and cells.jsonl with what each was
painted with and what the judge says of it. All cells are rows of the same batches: every row has
its own mixture and its own guidance.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from engine import judges, worlds
from engine.core import names, plugins, provenance, texts
from engine.core.config import build
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.recipe import difference, versions
from engine.core.store import Store, atomic, read_object, read_records, write_json, write_records
from engine.core.weights import check as check_weights
from engine.models import checkpoints
from engine.models.identity import recognised
from engine.studies import axes
from engine.studies.axes import GUIDANCE, MOST_GUIDANCE, STRENGTH
from engine.studies.cells import MOST_CELLS, Cell, judge_of

if TYPE_CHECKING:
    from PIL import Image

    from engine.models.ensemble import Ensemble

CELLS, RECIPE = "cells.jsonl", "recipe.json"
ALWAYS = (
    "x",
    "y",
    "weights",
    "x_values",
    "y_values",
    "prompts",
    "model",
    "revision",
    "judge",
    "judge_options",
    "guidance",
    "steps",
    "sampler",
    "seed",
)
"""What records hold even at its default (engine.core.provenance)."""


@dataclass(frozen=True)
class Config:
    """Two axes and what stays the same."""

    x: str = field(metadata={"help": f"An expert, {STRENGTH!r} or {GUIDANCE!r}"})
    y: str = field(metadata={"help": "Another one"})
    weights: dict[str, float] = field(
        metadata={"help": "What each expert's delta counts where no axis changes it"}
    )
    x_values: tuple[float, ...] = field(
        default=(0.0, 0.25, 0.5, 0.75, 1.0), metadata={"help": "From left to right"}
    )
    y_values: tuple[float, ...] = field(
        default=(0.0, 0.25, 0.5, 0.75, 1.0), metadata={"help": "From top to bottom"}
    )
    prompts: tuple[str, ...] = field(
        default=(worlds.usual().EXAMPLE,), metadata={"help": "A grid each"}
    )
    name: str = field(default="grid", metadata={"help": "Its folder", "recorded": "by that"})
    model: str = field(
        default=worlds.usual_base(), metadata={"help": "The base: a name, a folder or a Hub id"}
    )
    revision: str | None = field(default=None, metadata={"help": "Commit or branch of a Hub id"})
    judge: str = field(default="", metadata={"help": "Who reads the pictures; empty: nobody"})
    judge_options: dict[str, Any] = field(
        default_factory=dict, metadata={"help": "The judge's own options"}
    )
    guidance: float = field(
        default=3.5, metadata={"help": "Guidance scale", "range": (0.0, MOST_GUIDANCE)}
    )
    steps: int = field(default=20, metadata={"help": "Denoising steps", "range": (1, 1000)})
    sampler: Literal["dpmsolver++", "ddim", "euler", "default"] = field(
        default="dpmsolver++", metadata={"help": "default is the one the model came with"}
    )
    seed: int = field(
        default=1, metadata={"help": "The noise of every cell", "range": (0, 2**32 - 1)}
    )
    batch_size: int = field(
        default=32,
        metadata={
            "help": "Cells painted at once",
            "range": (1, 1024),
            "decides": False,
            "why": "it changes pictures by 1/255 at most",
        },
    )


def run(config: Config, store: Store) -> Iterator[Event]:
    """Paint what is missing, a batch at a time. Raises EngineError, naming the remedy."""
    check(config)
    from engine.models.ensemble import Ensemble

    cells = plan(config)
    folder = store.folder / "grids" / config.name
    ensemble = Ensemble(config.model, config.revision, store, config.weights)
    judge = judge_of(config.judge, config.judge_options, config.seed)
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
    checkpoints.check_base(config.model)
    if config.judge_options and not config.judge:
        raise EngineError("There are judge_options and no judge. Name it, or leave them out.")
    if config.judge:
        options = plugins.load(judges, config.judge).Config
        build(options, config.judge_options, where=f"options of the judge {config.judge}")
    texts.check(config.prompts)
    check_weights(config.weights)


def painted_cells(config: Config, folder: Path, parents: Mapping[str, str]) -> dict[str, Cell]:
    """By file name, what is painted already. Begins the folder's recipe where there is none.

    Raises EngineError when the folder holds another grid.
    """
    options = provenance.deciding(config, ALWAYS)
    ours = {name: str(value) for name, value in options.items()}
    ours |= parents
    file = folder / RECIPE
    if file.exists():
        recorded = recognised(read_object(file, recipe=dict)["recipe"], ours)
        changed = difference(recorded, ours)
        if changed:
            raise EngineError(
                f"The grid {config.name} is another one ({changed}). Choose another name."
            )
    else:
        write_json(file, {"recipe": ours, "versions": versions()})
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
