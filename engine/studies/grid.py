"""Pictures over two axes: experts' weights, the strength of all of them, or the guidance scale; one
noise for all.

Reads experts/, writes grids/<name>/: a PNG a cell and prompt, and cells.jsonl with what each was
painted with and what the judge says of it. All cells are rows of the same batches: every row has
its own mixture and its own guidance.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from engine import judges, worlds
from engine.core import names, plugins, provenance, texts
from engine.core.config import build
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.recipe import difference, versions
from engine.core.store import Store, atomic, read_object, read_records, write_json, write_records
from engine.core.types import Evidence, Prompt, file_fault
from engine.core.weights import MOST as MOST_WEIGHT
from engine.core.weights import check as check_weights
from engine.models import checkpoints
from engine.models.identity import recognised

STRENGTH, GUIDANCE = "strength of all", "guidance scale"
CELLS, RECIPE = "cells.jsonl", "recipe.json"
MOST_CELLS = 400
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
MOST_GUIDANCE = 50.0


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


@dataclass(frozen=True)
class Cell:
    """One picture of a grid."""

    file_name: str
    prompt: str
    column: int
    row: int
    x: float
    y: float
    """Where it lies on the axes."""
    weights: dict[str, float]
    guidance: float
    value: float | None = None
    """The judge's; None where it was not asked or cannot read the text."""
    evidence: dict[str, Any] = field(default_factory=dict, metadata={"holds": Evidence})

    def fault(self) -> str:
        """What makes it no picture of its grid, or ""."""
        if min(self.column, self.row) < 0 or max(self.column, self.row) >= MOST_CELLS:
            return f"row {self.row}, column {self.column} is no place in a grid"
        return file_fault(self.file_name)


def run(config: Config, store: Store) -> Iterator[Event]:
    """Paint what is missing, a batch at a time. Raises EngineError, naming the remedy."""
    check(config)
    from engine.models.ensemble import Ensemble

    cells, folder = plan(config), store.folder / "grids" / config.name
    ensemble = Ensemble(config.model, config.revision, store, config.weights)
    judge = _judge(config)
    if not (folder / RECIPE).exists():
        _ = ensemble.mixture  # a base that refuses the experts leaves no empty grid
    done = _done(
        config,
        folder,
        {"base's sha256": ensemble.fingerprint}
        | {f"{name}'s sha256": sha256 for name, sha256 in ensemble.hashes.items()},
    )
    missing = [cell for cell in cells if cell.file_name not in done]
    yield Event(
        f"{len(cells) - len(missing)} of {len(cells)} cells", len(cells) - len(missing), len(cells)
    )
    for first in range(0, len(missing), config.batch_size):
        part = missing[first : first + config.batch_size]
        images = ensemble.paint(
            [cell.prompt for cell in part],
            [config.seed] * len(part),
            [cell.guidance for cell in part],
            [cell.weights for cell in part],
            steps=config.steps,
            sampler=config.sampler,
        )
        for cell, image in zip(part, images, strict=True):
            with atomic(folder / cell.file_name) as temporary:
                image.save(temporary)
            done[cell.file_name] = judge(cell, image)
        write_records(
            folder / CELLS, [done[cell.file_name] for cell in cells if cell.file_name in done]
        )
        yield Event(
            f"{len(done)} of {len(cells)} cells",
            len(done),
            len(cells),
            data={"folder": str(folder)},
        )
    yield Event(
        f"A grid of {len(cells)} cells.", len(cells), len(cells), "done", {"folder": str(folder)}
    )


def plan(config: Config) -> list[Cell]:
    """All cells, prompt by prompt, row by row. Raises EngineError for axes that make no sense."""
    check(config)
    return [
        Cell(f"{number:02}-{row:02}-{column:02}.png", prompt, column, row, x, y, *_at(config, x, y))
        for number, prompt in enumerate(config.prompts)
        for row, y in enumerate(config.y_values)
        for column, x in enumerate(config.x_values)
    ]


def _at(config: Config, x: float, y: float) -> tuple[dict[str, float], float]:
    """Weights and guidance at one point: an expert's axis sets its weight, the strength multiplies
    all of them.
    """
    weights, guidance, strength = dict(config.weights), config.guidance, 1.0
    for axis, value in ((config.x, x), (config.y, y)):
        if axis == GUIDANCE:
            guidance = value
        elif axis == STRENGTH:
            strength = value
        else:
            weights[axis] = value
    found = {name: strength * weight for name, weight in weights.items()}
    check_weights(found)
    return found, guidance


def check(config: Config) -> None:
    """Raises EngineError for axes, weights, a base and a judge that make no sense."""
    _check_axes(config)
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


def _check_axes(config: Config) -> None:
    choices = (STRENGTH, GUIDANCE, *config.weights)
    for axis in (config.x, config.y):
        if axis not in choices:
            raise EngineError(f"{axis!r} cannot be an axis. Choose from {', '.join(choices)}.")
    if config.x == config.y:
        raise EngineError(f"Both axes are {config.x}. Choose two.")
    if not config.weights or not config.x_values or not config.y_values or not config.prompts:
        raise EngineError(
            "A grid needs an expert, values for both axes and a prompt. Give it all of them."
        )
    if (count := len(config.x_values) * len(config.y_values) * len(config.prompts)) > MOST_CELLS:
        raise EngineError(f"{count} cells are too many to look at. Choose {MOST_CELLS} at most.")
    _check_axis(config.x, config.x_values)
    _check_axis(config.y, config.y_values)


def _check_axis(axis: str, values: Iterable[Any]) -> None:
    most = MOST_GUIDANCE if axis == GUIDANCE else MOST_WEIGHT
    for value in values:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not -most <= value <= most:
            raise EngineError(
                f"{value!r} is no value of an axis. "
                f"Give {axis} numbers between {-most:g} and {most:g}."
            )


def _done(config: Config, folder: Path, parents: Mapping[str, str]) -> dict[str, Cell]:
    """What is painted already. Raises EngineError when the folder holds another grid."""
    wanted = {name: str(value) for name, value in provenance.deciding(config, ALWAYS).items()}
    wanted |= parents
    if (folder / RECIPE).exists():
        made = recognised(read_object(folder / RECIPE, recipe=dict)["recipe"], wanted)
        if changed := difference(made, wanted):
            raise EngineError(
                f"The grid {config.name} is another one ({changed}). Choose another name."
            )
    else:
        write_json(folder / RECIPE, {"recipe": wanted, "versions": versions()})
    cells = read_records(folder / CELLS, Cell)
    return {cell.file_name: cell for cell in cells if (folder / cell.file_name).is_file()}


def _judge(config: Config) -> Any:
    """(cell, image) -> the cell with what is said of it."""
    if not config.judge:
        return lambda cell, image: cell
    plugin = plugins.load(judges, config.judge)
    judge = plugin.judge(build(plugin.Config, config.judge_options, where=config.judge))

    def judged(cell: Cell, image: Any) -> Cell:
        score = judge(Prompt("", "", cell.prompt), image, config.seed)
        return Cell(**{**asdict(cell), "value": score.value, "evidence": score.evidence})

    return judged
