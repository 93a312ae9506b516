"""The experiments behind the README's table: variants of a recipe, each run anew from other seeds,
and what they say.

A results recipe (`recipe`) becomes ordinary recipes, one per variant and replicate (`expansion`).
Each is an ordinary run folder, `<out>/<replicate>-<variant>/`, which the app opens like any other.
What it measured (`measurements`) is `<out>/measured/<replicate>-<variant>.json.gz`; where that is
there, or in `measured/` beside the results recipe, which travels with the source, nothing is run
again. `report` compares, `tables` writes it down.
"""

from collections.abc import Generator
from itertools import groupby
from pathlib import Path

from engine import pipeline
from engine.core.events import Event
from engine.core.stopping import Events
from engine.core.store import write_json, write_text
from engine.studies.replicates import expansion, measurements, report, tables
from engine.studies.replicates.expansion import Replicate
from engine.studies.replicates.measurements import Measurement
from engine.studies.replicates.recipe import Config, load

__all__ = ["Config", "load", "run"]


def run(recipe: Path, out: Path) -> Events:
    """Run every variant of every replicate that is not finished; after each replicate write
    results.json and results.md.

    Raises EngineError, naming the remedy: before anything runs for a recipe that makes no sense,
    later what the stages raise.
    """
    config = load(recipe)
    planned = expansion.plan(config, out)
    rounds: list[list[Measurement]] = []
    for number, replicates in groupby(planned, lambda replicate: replicate.number):
        measured = []
        for replicate in replicates:
            measurement = yield from _measurement(replicate, recipe.parent / "measured", out)
            measured.append(measurement)
        rounds.append(measured)
        results = report.results(config, rounds)
        table = tables.markdown(results)
        write_json(out / "results.json", results)
        write_text(out / "results.md", f"{table}\n{tables.by_scale(results)}")
        yield Event(f"\n{table}", number + 1, config.replicates, "done")


def _measurement(
    replicate: Replicate, shipped: Path, out: Path
) -> Generator[Event, None, Measurement]:
    """What a replicate says, read where it was measured before."""
    measurement = measurements.read(replicate, shipped)
    if measurement is None:
        yield from _run(replicate, out)
        measurement = measurements.measure(replicate)
    return measurement


def _run(replicate: Replicate, out: Path) -> Events:
    """What of a replicate has not run yet."""
    from engine.studies.replicates import noisy_captions  # with torch

    expansion.copy_prompts(replicate, out)
    name, recipe, folder = replicate.folder.name, replicate.recipe, replicate.folder
    scenes = replicate.variant.noisy_scenes
    if scenes:
        yield from pipeline.stage(name, noisy_captions.draw(recipe, folder, scenes))
    yield from pipeline.stage(name, pipeline.run(recipe.path, folder))
