"""Forms that start from the options that a run's stage had last, so that pressing a button goes on
with it.
"""

from collections.abc import Mapping
from typing import Any

import gradio as gr

from app.forms.form import Form
from app.forms.picker import Picker
from app.listeners import QUEUED, Updates, Values
from engine import runs
from engine.core import options
from engine.core.plugins import PluginChoice, Slot
from engine.runs import settings


def follow(run: gr.Dropdown, stage: str, kind: type, form: Form, picker: Picker) -> None:
    """Fill a stage's form, and its choice of a plugin, whenever another run is chosen."""

    def fill(values: Values) -> Updates:
        filling = options.defaults(kind)
        if config := settings.last_config(runs.open_store(values[run]), stage, kind):
            filling |= vars(config)
        return form.fill(filling) | picker.select(_chosen(picker.slot, filling))

    outputs = [*form.components.values(), *picker.outputs]
    run.change(fill, {run}, outputs, **QUEUED)


def _chosen(slot: Slot, values: Mapping[str, Any]) -> PluginChoice:
    """What stands in a Config's slot; a plugin of no name where it has none."""
    name = values.get(slot.option, "")
    plugin_options = values.get(slot.options_in, {})
    return PluginChoice(slot.family, name, plugin_options)
