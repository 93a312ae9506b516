"""The way back on the merge tab: one gesture of a person is one step, and Undo goes one back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from app import scripts
from app.listeners import QUEUED, Updates, Values, no_updates
from app.tabs.merge import sliders, undo_steps
from app.tabs.merge.sliders import Mixer


@dataclass(frozen=True)
class Undo:
    """The way back and what moves on it."""

    mixer: Mixer
    guidance: gr.Slider
    """A grid's cell brings its own, which goes back with the weights."""
    way: gr.Textbox
    """The steps so far, which the page itself keeps."""

    @property
    def controls(self) -> list[Any]:
        """What goes back."""
        return [*self.mixer.sliders, self.guidance, *self.mixer.method.inputs]

    @property
    def outputs(self) -> list[Any]:
        return [self.mixer.preset, *self.controls, *self.mixer.method.groups.values()]

    @property
    def begin(self) -> dict[str, Any]:
        """A listener: everything is as it is now, and there is no way back from it."""
        return self._listener(undo_steps.START, self.controls)

    @property
    def step(self) -> dict[str, Any]:
        """A listener: something has moved."""
        return self._listener(undo_steps.step(self.controls), [self.way, *self.controls])

    def wire(self, repaint: dict[str, Any]) -> None:
        """Every control goes on the way; Undo goes back and has it painted again."""
        gr.on([control.input for control in self.controls], **self.step)
        sliders_only = [one for one in self.controls if isinstance(one, gr.Slider)]
        releases: Any = [slider.release for slider in sliders_only]
        gr.on(releases, **self._listener(undo_steps.END, [self.way]))
        undo = self.mixer.undo.click(**self._listener(undo_steps.BACK, [self.way]))
        back = undo.then(
            self.go_back, {self.way}, self.outputs, trigger_mode="always_last", **QUEUED
        )
        back.then(**repaint)

    def go_back(self, values: Values) -> Updates:
        """Everything as it stood at the end of the way."""
        before = undo_steps.last_stand(values[self.way], self.controls)
        if not before:
            return no_updates()
        updates = dict(before)
        for slider in self.mixer.sliders:
            updates[slider] = sliders.slider_update(before[slider], sliders.LOWEST, sliders.HIGHEST)
        updates[self.mixer.preset] = gr.update(value=None, info=sliders.PRESETS)
        return updates | self.mixer.method.restore(before)

    def _listener(self, function: str, arguments: Sequence[Component]) -> dict[str, Any]:
        """The browser's alone: `function` of these values is the way from now on."""
        inputs = set(arguments)
        script = scripts.call(function, inputs, arguments)
        return {"fn": None, "inputs": inputs, "outputs": [self.way], "js": script, **QUEUED}


def build(mixer: Mixer, guidance: gr.Slider) -> Undo:
    return Undo(mixer, guidance, gr.Textbox(visible="hidden", elem_id="way-back"))
