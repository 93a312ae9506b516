"""A finished run becomes the one that the app opens with."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

from engine import evaluate, recipes, worlds
from engine.core.errors import EngineError
from engine.core.store import Store
from engine.evaluate import passes, planning, score_files, score_recipes
from engine.evaluate.picture_cache import FOLDER as PICTURE_CACHE
from engine.models.ensemble import Ensemble

SHIPPED = Path(__file__).parents[2] / "assets" / "example_run"
LEFT_BEHIND = (
    "jobs",
    "votes.db*",
    PICTURE_CACHE,
    "latents.safetensors",
    "edited",
    "checkpoint*",
    "*.tmp",
)
"""What the app does not show, or can make again."""
ARM_AT_SCALE = re.compile(r"(?P<arm>\w[\w.+-]*)@(?P<scale>[\d.]+)")


def ship(run: Path, target: Path = SHIPPED) -> None:
    if not (run / "merges").is_dir():
        recipe = f"assets/recipes/{worlds.usual().RECIPE}.toml"
        raise EngineError(
            f"{run} is no finished run. Make one: python -m engine run {recipe} --out {run}"
        )
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(run, target, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    keep_test_pictures(Store(target))


def keep_test_pictures(run: Store) -> None:
    """Paint every picture again that the test judged and nobody kept, in its batches, to the bit.

    An evaluation keeps the first picture of few prompts, and most of them look alike in a run as
    short as this one: too few pairs would be left to vote on. No score is made or changed.
    """
    config = _test_of(run)
    prompts = evaluate.check(config)
    rows = [replace(row, is_shown=True) for row in planning.rows(config, prompts)]
    ensemble = Ensemble(config.base, run, planning.experts_of(rows))
    recipes = score_recipes.of_models(config, prompts, rows, ensemble)
    files = score_files.opened(run, config.table, recipes, config.replace)
    tools = passes.tools_of(config, run, ensemble)
    list(passes.Passes(rows, files, tools).run(config.batch_size))
    shutil.rmtree(tools.cache.folder, ignore_errors=True)


def _test_of(run: Store) -> evaluate.Config:
    """The run's test as it was made: every arm at the guidance scale that was chosen for it."""
    test = recipes.load(run.folder / "recipe.toml").test
    if test is None:
        raise EngineError(f"{run.folder}/recipe.toml has no [test]. Choose a run that was tested.")
    scales = {}
    for path in run.folder.glob(f"scores/*/test/{test.judge}.jsonl"):
        model = ARM_AT_SCALE.fullmatch(path.parent.parent.name)
        if model:
            scales[model["arm"]] = float(model["scale"])
    return replace(test, own_guidance=scales)
