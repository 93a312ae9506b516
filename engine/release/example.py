"""A finished run becomes the one that the app opens with."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

from engine import recipes, worlds
from engine.core.errors import EngineError
from engine.core.store import Store
from engine.evaluate import Config, planning, score_recipes
from engine.evaluate.passes import Passes, Tools
from engine.evaluate.picture_cache import FOLDER as PICTURE_CACHE
from engine.evaluate.picture_cache import PictureCache
from engine.evaluate.score_files import ScoreFiles
from engine.evaluate.warm_models import WarmModels

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
    rows = [replace(row, is_shown=True) for row in planning.rows(config)]
    warm, cache = WarmModels(config, run), PictureCache(run, config.picture_budget_mb)
    made_by = score_recipes.of_models(config, rows, warm.ensemble)
    files = ScoreFiles(config, run, made_by)
    passes = Passes(rows, made_by, files, Tools(warm.paint, warm.load_judge, cache))
    list(passes.run(config.batch_size))
    shutil.rmtree(cache.folder, ignore_errors=True)


def _test_of(run: Store) -> Config:
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
