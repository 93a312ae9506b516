"""Forms that start from the options that a run's stage had last, so that pressing a button goes on
with it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from app.forms.form import Form
from app.forms.picker import Picker
from app.listeners import QUEUED, Updates, Values
from engine import runs
from engine.core import options, store
from engine.core.config import build
from engine.core.plugins import PluginChoice, Slot
from engine.evaluate import Config as Scoring
from engine.runs.resume import FILE_NAME

TABLES = {"evaluate": ("validation", "test")}
"""A stage's tables in a recipe, where they are not called like it."""


def last_config(run: str, stage: str, kind: type) -> Any:
    """The Config that the run's last job of the stage had, else the one its recipe has; None
    without either.

    Raises EngineError for one that makes no sense any more.
    """
    if of_job := last_job(run, stage):
        return build(kind, of_job, where=f"the last job {stage} of {run}")
    file = runs.folder(run) / FILE_NAME
    return _of_recipe(file, stage) if file.exists() else None


def last_job(run: str, stage: str) -> dict[str, Any]:
    """The options that the run's last job of a stage had; none before there was one."""
    files = sorted(runs.folder(run).glob(f"jobs/*-{stage}/config.json"))
    return _job_config(files[-1]) if files else {}


def judged_skills(run: str) -> tuple[str, ...]:
    """Those on whose prompts the run's models are judged; () is all that its world trains."""
    scoring = last_config(run, "evaluate", Scoring)
    return scoring.skills if scoring else ()


def follow(run: gr.Dropdown, stage: str, kind: type, form: Form, picker: Picker) -> None:
    """Fill a stage's form, and its choice of a plugin, whenever another run is chosen."""

    def fill(values: Values) -> Updates:
        asked_last = options.defaults(kind)
        if config := last_config(values[run], stage, kind):
            asked_last |= vars(config)
        plugin = _chosen(picker.slot, asked_last)
        return form.fill(asked_last) | picker.select(plugin)

    outputs = [*form.components.values(), *picker.outputs]
    run.change(fill, {run}, outputs, **QUEUED)


def _chosen(slot: Slot, values: Mapping[str, Any]) -> PluginChoice:
    """What stands in a Config's slot; a plugin of no name where it has none."""
    name = values.get(slot.option, "")
    plugin_options = values.get(slot.options_in, {})
    return PluginChoice(slot.family, name, plugin_options)


def _of_recipe(file: Path, stage: str) -> Any:
    """The stage's first table in a recipe; None without any."""
    from engine import recipes

    recipe = recipes.load(file)
    for table in TABLES.get(stage, (stage,)):
        if config := getattr(recipe, table):
            return config
    return None


def _job_config(file: Path) -> dict[str, Any]:
    return store.read_object(file, config=dict | None)["config"] or {}
