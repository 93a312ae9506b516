"""The experiments behind the README's table: several lines, each run anew from other seeds, and
what they say.

A results recipe names a recipe and what each line changes of it:

    recipe = "quick.toml"            what all lines share
    replicates = 3                   new prompts, pictures and experts each time
    [all.<table>]                    changed for every line
    [lines.<line>.<table>]           changed for one
    [claims]                         arm against arm, or against the best of several on validation

A line's replicate is an ordinary run folder, `<out>/<replicate>-<line>/`, which the app opens like
any other. What it measured is `<out>/measured/<replicate>-<line>.json.gz`; where that is there, or
in `measured/` beside the results recipe, which travels with the source, the line is not run again.
"""

from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine import pipeline
from engine.core.config import build, read_toml
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.stopping import Events
from engine.core.store import write_json, write_text

if TYPE_CHECKING:
    from engine.studies.replicates.expansion import Planned


@dataclass(frozen=True)
class Line:
    """What one line changes of the recipe, table by table; an option that is named replaces the
    recipe's.
    """

    without: tuple[str, ...] = field(
        default=(), metadata={"help": "Tables of the recipe that it does not have"}
    )
    once: bool = field(
        default=False, metadata={"help": "Run in the first replicate only: nothing in it is drawn"}
    )
    share_prompts: str = field(default="", metadata={"help": "The line whose prompts it takes"})
    noisy_scenes: int = field(
        default=0,
        metadata={
            "help": "Draw so many captioned scenes of the base's own training data, as the skill `noisy`"
        },
    )
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Config:
    """A results recipe."""

    recipe: Path
    lines: dict[str, Line]
    claims: dict[str, tuple[str, list[str]]]
    """Sentence -> an arm, and the arms of which the best on validation is its rival."""
    common: dict[str, dict[str, Any]]
    replicates: int = 3


def load(path: Path) -> Config:
    """Read a results recipe. Raises EngineError that names file and option."""
    tables = read_toml(path)
    known = ("title", "recipe", "replicates", "all", "lines", "claims")
    if unknown := [name for name in tables if name not in known]:
        raise EngineError(
            f"{path}: there is no option {unknown[0]!r}. Choose from {', '.join(known)}."
        )
    if missing := [name for name in ("recipe", "lines", "claims") if not tables.get(name)]:
        raise EngineError(f"{path} has no {missing[0]!r}. Name a recipe, lines and claims.")
    lines = {
        name: _line(values, f"{path}, [lines.{name}]") for name, values in tables["lines"].items()
    }
    claims = {
        told: _claim(claim, f"{path}, [claims], {told!r}")
        for told, claim in tables["claims"].items()
    }
    replicates = tables.get("replicates", 3)
    if not isinstance(replicates, int) or replicates < 1:
        raise EngineError(f"{path}: replicates is {replicates!r}. Give a whole number, 1 or more.")
    return Config(path.parent / tables["recipe"], lines, claims, tables.get("all", {}), replicates)


def _claim(claim: Any, where: str) -> tuple[str, list[str]]:
    """An arm and its rivals. Raises EngineError for anything else."""
    match claim:
        case [str(ours), str(rival)]:
            return ours, [rival]
        case [str(ours), [_, *_] as rivals] if all(isinstance(rival, str) for rival in rivals):
            return ours, list(rivals)
    raise EngineError(f"{where} is {claim!r}. Give an arm and its rival, or a list of rivals.")


def _line(values: dict[str, Any], where: str) -> Line:
    tables = {name: table for name, table in values.items() if isinstance(table, dict)}
    own = {name: value for name, value in values.items() if name not in tables}
    return build(Line, {**own, "tables": tables}, where=where)


def run(recipe: Path, out: Path) -> Events:
    """Run every line of every replicate that is not finished; after each replicate write
    results.json and results.md.

    Raises EngineError, naming the remedy: before anything runs for a recipe that makes no sense,
    later what the stages raise.
    """
    from engine.studies.replicates import expansion, measurements, report

    config = load(recipe)
    planned = expansion.plan(config, out)
    replicates: list[list[measurements.Measured]] = []
    for number, of_replicate in groupby(planned, lambda one: one.replicate):
        replicates.append([])
        for one in of_replicate:
            found = measurements.read(one, recipe.parent / "measured")
            if found is None:
                yield from _run_line(one, out)
                found = measurements.measure(one)
            replicates[-1].append(found)
        told = report.results(config, replicates)
        write_json(out / "results.json", told)
        write_text(out / "results.md", f"{report.markdown(told)}\n{report.by_scale(told)}")
        yield Event(f"\n{report.markdown(told)}", number + 1, config.replicates, "done")


def _run_line(one: "Planned", out: Path) -> Events:
    """What of a line has not run yet."""
    from engine.studies.replicates import expansion, noisy_captions

    expansion.copy_prompts(one, out)
    if one.line.noisy_scenes:
        yield from pipeline.stage(
            one.folder.name, noisy_captions.draw(one.recipe, one.folder, one.line.noisy_scenes)
        )
    yield from pipeline.stage(one.folder.name, pipeline.run(one.recipe.path, one.folder))
