"""What the stages of a run were started with last: by a job of the app or the command line, or by
the run's recipe.
"""

from typing import Any

from engine import recipes
from engine.core.config import build
from engine.core.store import Store
from engine.evaluate import Config as Scoring
from engine.jobs import record
from engine.runs.resume import FILE_NAME

TABLES = {"evaluate": ("validation", "test")}
"""A stage's tables in a recipe, where they are not called like it."""


def last_config(run: Store, stage: str, kind: type) -> Any:
    """The Config, a `kind`, that the run's last job of the stage had, else the one its recipe has;
    None without either.

    Raises EngineError for one that makes no sense any more.
    """
    if options := last_job_options(run, stage):
        return build(kind, options, where=f"the last job {stage} of {run.folder.name}")
    return _config_of_recipe(run, stage)


def last_job_options(run: Store, stage: str) -> dict[str, Any]:
    """The options that the run's last job of a stage had; none before there was one."""
    files = sorted(run.folder.glob(f"jobs/*-{stage}/{record.CONFIG}"))
    return record.read_options(files[-1].parent) if files else {}


def judged_skills(run: Store) -> tuple[str, ...]:
    """Those on whose prompts the run's models are judged; () is all that its world trains."""
    scoring = last_config(run, "evaluate", Scoring)
    return scoring.skills if scoring else ()


def _config_of_recipe(run: Store, stage: str) -> Any:
    """What the stage's first table in the run's recipe says; None without any."""
    file = run.folder / FILE_NAME
    if not file.exists():
        return None
    recipe = recipes.load(file)
    for table in TABLES.get(stage, (stage,)):
        if found := getattr(recipe, table):
            return found
    return None
