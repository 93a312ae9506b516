"""Forms that start from what was asked of the run before, so that pressing a button goes on with
it.
"""

from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from app.forms.form import given
from app.forms.picker import Choice
from app.page import QUIET, told
from engine import runs
from engine.core import store
from engine.core.config import build
from engine.evaluate import Config as Scoring
from engine.runs.resume import FILE_NAME

TABLES = {"evaluate": ("validation", "test")}
"""A stage's tables in a recipe, where they are not called like it."""


def of_run(run: str, stage: str, kind: type) -> Any:
    """The Config that the run's last job of the stage had, else the one its recipe has; None
    without either.

    Raises EngineError for one that makes no sense any more.
    """
    folder = runs.folder(run)
    if last := last_job(run, stage):
        return build(kind, last, where=f"the last job {stage} of {run}")
    if not (folder / FILE_NAME).exists():
        return None
    from engine import recipes

    recipe = recipes.load(folder / FILE_NAME)
    return next(
        filter(None, (getattr(recipe, table) for table in TABLES.get(stage, (stage,)))), None
    )


def last_job(run: str, stage: str) -> dict[str, Any]:
    """The options that the run's last job of a stage had; none before there was one."""
    found = sorted(runs.folder(run).glob(f"jobs/*-{stage}/config.json"))
    return _job_config(found[-1]) if found else {}


def _job_config(file: Path) -> dict[str, Any]:
    return store.read_object(file, config=dict | None)["config"] or {}


def judged_skills(run: str) -> tuple[str, ...]:
    """Those on whose prompts the run's models are judged; () is all that its world trains."""
    asked = of_run(run, "evaluate", Scoring)
    return asked.skills if asked else ()


def follow(
    run: gr.Dropdown, stage: str, kind: type, form: dict[str, Component], choice: Choice
) -> None:
    """Fill a stage's form, and its choice of a plugin, whenever another run is chosen."""
    outputs = [*form.values(), *choice.outputs]

    def fill(name: str) -> list[Any]:
        with told():
            asked = of_run(name, stage, kind)
        values = defaults(kind) | (vars(asked) if asked else {})
        plugin, own = values.get(choice.kind) or "", values.get(choice.options) or {}
        return [
            *(gr.update(value=given(values[field])) for field in form),
            *choice.set(plugin, own),
        ]

    run.change(fill, run, outputs, **QUIET)


def defaults(kind: type) -> dict[str, Any]:
    """A Config's values before anybody chose; fields that must be chosen are left out."""
    found = {
        f.name: f.default_factory()
        if f.default is MISSING and f.default_factory is not MISSING
        else f.default
        for f in fields(kind)
    }
    return {name: value for name, value in found.items() if value is not MISSING}
