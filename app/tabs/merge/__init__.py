"""Slide the experts' weights: base and merged pictures from the same noise follow, and so does the
judge.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import parts, scripts
from app.access import owner_only
from app.listeners import BROWSER_ONLY, QUEUED, Updates, Values, no_updates
from app.tab import Tab
from app.tabs.merge import comparison, panes, scene, sliders, undo, undo_steps
from app.tabs.merge.comparison import Order
from app.tabs.merge.panes import Panes
from app.tabs.merge.scene import Scene
from app.tabs.merge.sliders import Mixer
from app.tabs.merge.undo import Undo
from engine import runs
from engine.merge import preview_weights
from engine.merge.presets import PLAIN_SUM
from engine.runs import contents, fresh_prompts, opening

TITLE = "Merge"


@dataclass(frozen=True)
class MergeTab:
    """The tab's parts, and what they do together."""

    run: gr.Dropdown
    drawn_for: gr.Textbox
    """Whose sliders these are. No State: its change is not told after quick events."""
    mixer: Mixer
    scene: Scene
    panes: Panes

    @property
    def inputs(self) -> set[Any]:
        """What `show` reads."""
        return {self.drawn_for, *self.panes.grid.inputs, *self.panes.inputs}

    @property
    def outputs(self) -> list[Any]:
        """What `show` changes."""
        panes = [*self.panes.grid.outputs, *self.panes.outputs]
        return [self.drawn_for, *self.mixer.outputs, *panes]

    @property
    def subject(self) -> set[Any]:
        """What decides a picture."""
        return {*self.mixer.inputs, *self.scene.inputs, self.panes.comparison.each_expert}

    @property
    def repaint(self) -> dict[str, Any]:
        """A listener that paints side by side, the latest only."""
        return {
            "fn": self.paint,
            "inputs": self.subject,
            "outputs": self.panes.comparison.outputs,
            "show_progress": "hidden",
            "js": undo_steps.in_range(self.subject),
            "trigger_mode": "always_last",
            "concurrency_limit": 1,
            "concurrency_id": "preview",
            "api_visibility": "private",
        }

    def show(self, run: str, values: Values) -> Updates:
        """The experts' sliders, and the panes."""
        names = sliders.slider_names(run)
        identity = contents.identity(runs.open_store(run), names)
        is_new = identity != values[self.drawn_for]
        return {
            self.drawn_for: identity,
            **self.mixer.show(run, is_new),
            **self.panes.grid.show(run, names, values),
            **self.panes.show(run, values, is_new),
        }

    def begin(self, values: Values) -> Updates:
        """The method and the scene that a run's merge begins with."""
        first = self.scene.open(values[self.run], values[self.mixer.experts], values)
        method = self.mixer.method.select(opening.METHOD)
        remark = {self.panes.comparison.opening: first.remark}
        return {**method, **first.updates, **remark}

    def paint(self, values: Values) -> Iterator[Updates]:
        each_expert = values[self.panes.comparison.each_expert]
        order = Order(self.scene.read(values), self.mixer.read(values), each_expert)
        yield from self.panes.comparison.paint(values[self.run], order)

    def other_prompt(self, values: Values) -> Updates:
        store = runs.open_store(values[self.run])
        prompt = fresh_prompts.pick(store, values[self.scene.prompt])
        return {self.scene.prompt: prompt}

    def correct(self, values: Values) -> Updates:
        prompts = values[self.scene.prompt]
        comparison = self.panes.comparison
        return {self.scene.prompt: comparison.correct(values[self.run], prompts, values)}

    @owner_only
    def paint_grid(self, values: Values) -> Updates:
        weights, method = self.mixer.read(values)
        coefficients = preview_weights.coefficients(method, weights)
        return self.panes.grid.start(values, coefficients, self.scene.read(values))

    @owner_only
    def leave_out(self, values: Values) -> Updates:
        guidance = values[self.scene.guidance]
        return self.panes.interference.leave_out(values, self.mixer.read(values), guidance)

    def take_cell(self, values: Values, click: gr.EventData) -> Updates:
        """A grid's cell: its weights and its guidance scale."""
        cell = self.panes.grid.clicked_cell(values, click)
        if cell is None:
            return no_updates()
        weights = self.mixer.set_weights(values[self.mixer.experts], cell.weights)
        method = self.mixer.method.select(PLAIN_SUM)
        return {**weights, **method, self.scene.guidance: self.scene.guide(cell.guidance)}

    def open_comparison(self) -> Updates:
        return {self.panes.tabs: gr.update(selected=panes.SIDE_BY_SIDE)}

    def use_preset(self, values: Values) -> Updates:
        return self.mixer.use_preset(values)


def build(run: gr.Dropdown) -> Tab:
    drawn_for = gr.Textbox(visible="hidden", elem_id="drawn-for")
    experts = parts.state([], "experts")
    with gr.Row(elem_id="merge"):
        with gr.Column(scale=1, min_width=300):
            mixer = sliders.build(run, experts)
        with gr.Column(scale=2, min_width=320):
            bar = scene.build()
            views = panes.build(run, experts)
    tab = MergeTab(run, drawn_for, mixer, bar, views)
    way_back = undo.build(mixer, bar.guidance)
    way_back.wire(tab.repaint)
    _wire_beginning(tab, way_back)
    _wire_scene(tab)
    _wire_weights(tab, way_back)
    _wire_studies(tab)
    return Tab(tab.inputs, tab.outputs, tab.show, on_open=warm)


def warm(run: str) -> None:
    """Load the model while the reader still looks around."""
    store = runs.open_store(run)
    if contents.summary(store).experts:
        comparison.PREVIEW.warm(store)


def _wire_beginning(tab: MergeTab, way_back: Undo) -> None:
    """Other experts: their first scene is painted, and there is no way back from it."""
    bar, mixer = tab.scene, tab.mixer
    inputs: Any = {tab.run, mixer.experts, bar.prompt, bar.example}
    scene_outputs = [bar.seed, bar.guidance, bar.example, tab.panes.comparison.opening]
    outputs = [*mixer.method.outputs, *scene_outputs]
    beginning = tab.drawn_for.change(tab.begin, inputs, outputs, **QUEUED)
    both: Any = {bar.prompt, bar.example}
    script = scripts.call(scene.FIRST_PROMPT, both, [bar.prompt, bar.example])
    written = beginning.then(js=script, inputs=both, outputs=[bar.prompt], **BROWSER_ONLY)
    written.then(**way_back.begin).then(**tab.repaint)


def _wire_scene(tab: MergeTab) -> None:
    """Whatever decides a picture has it painted."""
    bar, pair = tab.scene, tab.panes.comparison
    controls: list[Any] = [*tab.mixer.sliders, *tab.mixer.method.inputs]
    controls += [bar.guidance, bar.seed, pair.each_expert]
    changes = [control.input for control in controls]
    gr.on([*changes, bar.prompt.submit], **tab.repaint)
    other = bar.other.click(tab.other_prompt, {tab.run, bar.prompt}, [bar.prompt], **QUEUED)
    other.then(**tab.repaint)
    noise = bar.noise.click(bar.other_noise, None, [bar.seed], **QUEUED)
    noise.then(**tab.repaint)
    correction = pair.suggestion.click(
        tab.correct, {tab.run, bar.prompt, pair.suggestion}, [bar.prompt], **QUEUED
    )
    correction.then(**tab.repaint)


def _wire_weights(tab: MergeTab, way_back: Undo) -> None:
    """A preset, or a grid's cell, moves the sliders: a step on the way back."""
    mixer, grid = tab.mixer, tab.panes.grid
    preset = mixer.preset.input(
        tab.use_preset, {tab.run, mixer.experts, mixer.preset}, mixer.preset_outputs, **QUEUED
    )
    preset.then(**way_back.step).then(**tab.repaint)
    inputs: Any = {tab.run, mixer.experts, grid.name}
    outputs: Any = [*mixer.sliders, tab.scene.guidance, *mixer.method.outputs]
    cell = grid.html.select(tab.take_cell, inputs, outputs, **QUEUED).then(**way_back.step)
    comparing = cell.then(tab.open_comparison, None, [tab.panes.tabs], **QUEUED)
    comparing.then(**tab.repaint)


def _wire_studies(tab: MergeTab) -> None:
    """Buttons that ask something of the weights as they are."""
    grid = tab.panes.grid
    painting = tab.subject | grid.form
    grid.paint.click(tab.paint_grid, painting, [tab.run, grid.name], **QUEUED)
    tab.panes.interference.button.click(tab.leave_out, tab.subject, [tab.run], **QUEUED)
