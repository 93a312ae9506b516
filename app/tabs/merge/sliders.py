"""The left side of the merge tab: a slider per expert, the method, presets, and what is saved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import gradio as gr

from app import access, launch, parts
from app.access import owner_only
from app.forms.picker import Picker, pick
from app.listeners import QUEUED, Updates, Values, no_updates
from app.tabs.merge import saved_view
from engine import merge, runs
from engine.core import plugins
from engine.core.plugins import PluginChoice
from engine.merge import Config
from engine.runs import contents, saved_merges, trainings

MOST_EXPERTS = 12
LOWEST, HIGHEST = -1.0, 2.0
"""Of a slider; a weight beyond that makes its slider longer."""
PRESETS = "A preset, or a merge saved before"


class MergeChoice(NamedTuple):
    """How the experts are merged."""

    weights: dict[str, float]
    method: PluginChoice

    def config(self) -> dict[str, Any]:
        """As the options of whoever merges."""
        return {
            "experts": self.weights,
            "method": self.method.name,
            "options": self.method.options,
        }


@dataclass(frozen=True)
class Mixer:
    """The left side's components and what they do."""

    run: gr.Dropdown
    experts: gr.State
    """The names of the experts with sliders, in the sliders' order."""
    preset: gr.Dropdown
    undo: gr.Button
    sliders: list[gr.Slider]
    method: Picker
    name: gr.Textbox
    save: gr.Button
    saved: gr.HTML

    @property
    def inputs(self) -> set[Any]:
        """What decides the merge."""
        return {self.run, self.experts, *self.sliders, *self.method.inputs}

    @property
    def outputs(self) -> list[Any]:
        """What `show` changes."""
        return [self.experts, *self.sliders, self.preset, self.saved]

    @property
    def preset_outputs(self) -> list[Any]:
        return [self.preset, *self.sliders, *self.method.outputs]

    def read(self, values: Values) -> MergeChoice:
        """The merge that the sliders in sight and the method say."""
        weights = {}
        for name, slider in zip(values[self.experts], self.sliders, strict=False):
            weights[name] = float(values[slider])
        return MergeChoice(weights, self.method.read(values))

    def set_weights(self, experts: Sequence[str], weights: Mapping[str, float]) -> Updates:
        """Slide to these weights; an expert that is not named gets none."""
        updates: Updates = {}
        for name, slider in zip(experts, self.sliders, strict=False):
            updates[slider] = slider_update(weights.get(name, 0.0), LOWEST, HIGHEST)
        return updates

    def show(self, run: str, is_new: bool) -> Updates:
        """A slider for each expert, moved back to 1 when the experts are others than before; saved
        merges.
        """
        store = runs.open_store(run)
        names = slider_names(run)
        presets = saved_merges.known_presets(store, names)
        updates: Updates = {
            self.experts: names,
            self.preset: gr.update(choices=list(presets)),
            self.saved: saved_view.view(run, MOST_EXPERTS),
        }
        start = _start() if is_new else {}
        for slider in self.sliders:
            updates[slider] = gr.update(visible=False)
        for name, slider in zip(names, self.sliders, strict=False):
            info = trainings.unfinished(store, name)
            updates[slider] = gr.update(label=name, info=info, **start)
        return updates

    @owner_only
    def save_merge(self, values: Values) -> Updates:
        run, name = values[self.run], values[self.name].strip()

        def check(config: Config) -> None:
            merge.check(config)
            merge.folder_for(config, runs.open_store(run))

        options = self.read(values).config()
        choice = launch.start("merge", run, Config, check, name=name, **options)
        return {self.run: choice}

    def use_preset(self, values: Values) -> Updates:
        """Slide to a preset's weights and take its method."""
        experts = values[self.experts]
        store = runs.open_store(values[self.run])
        presets = saved_merges.known_presets(store, experts)
        preset = presets.get(values[self.preset] or "")
        if preset is None:
            return no_updates()
        updates = self.set_weights(experts, preset.weights)
        updates[self.preset] = gr.update(info=preset.hint)
        return updates | self.method.select(preset.method)


def build(run: gr.Dropdown, experts: gr.State) -> Mixer:
    with gr.Row(elem_classes="bar"):
        preset = gr.Dropdown(
            [], value=None, label="Weights", info=PRESETS, min_width=180, elem_id="preset"
        )
        undo = parts.narrow_button("Undo", "undo-weights", 80)
    sliders = list(map(_slider, range(MOST_EXPERTS)))
    method = pick("merge", plugins.slot(Config, "method"), Config.method)
    with gr.Row(elem_classes="bar"):
        name = parts.short_text("my-merge", "Save as", "merge-name", min_width=140)
        save = parts.narrow_button("Save", "save-merge", 80, variant="primary")
    access.note()
    saved = gr.HTML(elem_id="merges")
    mixer = Mixer(run, experts, preset, undo, sliders, method, name, save, saved)
    save.click(mixer.save_merge, {*mixer.inputs, name}, [run], **QUEUED)
    return mixer


def slider_names(run: str) -> list[str]:
    """The run's experts that have sliders."""
    experts = contents.summary(runs.open_store(run)).experts
    return list(experts[:MOST_EXPERTS])


def slider_update(value: float, lowest: float, highest: float) -> dict[str, Any]:
    """A slider at this value, made longer where it must be."""
    return gr.update(value=value, minimum=min(lowest, value), maximum=max(highest, value))


def _start() -> dict[str, Any]:
    """How a new expert's slider begins."""
    return {"value": 1, "minimum": LOWEST, "maximum": HIGHEST, "visible": True}


def _slider(number: int) -> gr.Slider:
    return gr.Slider(
        LOWEST,
        HIGHEST,
        1,
        step=0.05,
        label=f"expert {number}",
        visible=False,
        elem_id=f"weight-{number}",
        buttons=[],
    )
