"""Forms that start from the options that a run's stage had last, so that pressing a button goes on
with it.
"""

import gradio as gr

from app.forms.form import Form
from app.forms.picker import Picker
from app.listeners import QUEUED, Updates, Values
from engine import runs
from engine.core import options
from engine.runs import settings


def follow(run: gr.Dropdown, stage: str, kind: type, form: Form, picker: Picker) -> None:
    """Fill a stage's form, and its choice of a plugin, whenever another run is chosen."""

    def fill(values: Values) -> Updates:
        filling = options.defaults(kind)
        if config := settings.last_config(runs.open_store(values[run]), stage, kind):
            filling |= vars(config)
        plugin = filling.get(picker.field.kind) or ""
        plugin_options = filling.get(picker.field.options) or {}
        return form.fill(filling) | picker.select(plugin, plugin_options)

    outputs = [*form.components.values(), *picker.outputs]
    run.change(fill, {run}, outputs, **QUEUED)
