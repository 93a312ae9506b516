"""The panes of the merge tab's right side. Those that take long are filled in sight only."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import parts
from app.listeners import QUEUED, Updates, Values
from app.tabs.merge import (
    adopt_form,
    comparison,
    files_pane,
    grid_pane,
    interference_pane,
    search_pane,
)
from app.tabs.merge.comparison import Comparison
from app.tabs.merge.files_pane import FilesPane
from app.tabs.merge.grid_pane import GridPane
from app.tabs.merge.interference_pane import InterferencePane
from app.tabs.merge.search_pane import SearchPane
from engine.core.errors import EngineError

SIDE_BY_SIDE, GRID, INTERFERENCE, SEARCH, FILES = NAMES = (
    "side-by-side",
    "grid",
    "interference",
    "search",
    "files",
)
"""In the order in which they stand."""
Slow = InterferencePane | SearchPane | FilesPane


@dataclass(frozen=True)
class Panes:
    """All of them, and which is in sight."""

    run: gr.Dropdown
    tabs: gr.Tabs
    in_sight: gr.State
    """Its name."""
    comparison: Comparison
    grid: GridPane
    slow: dict[str, Slow]

    @property
    def interference(self) -> InterferencePane:
        pane = self.slow[INTERFERENCE]
        assert isinstance(pane, InterferencePane)
        return pane

    @property
    def inputs(self) -> set[Any]:
        """What `show` reads."""
        inputs: set[Any] = {self.in_sight}
        for pane in self.slow.values():
            inputs |= pane.inputs
        return inputs

    @property
    def outputs(self) -> list[Any]:
        """What `show` changes."""
        outputs = []
        for pane in self.slow.values():
            outputs += pane.outputs
        return outputs

    def show(self, run: str, values: Values, is_new: bool) -> Updates:
        """What belongs into the pane in sight; of new experts the others know nothing yet."""
        updates: Updates = {}
        if is_new:
            for pane in self.slow.values():
                updates |= pane.wait()
        return updates | self._fill(values[self.in_sight], run, values)

    def open(self, values: Values, selected: gr.SelectData) -> Updates:
        """The name of the pane that is opened, and what belongs into it or why that is missing."""
        name = NAMES[selected.index]
        try:
            updates = self._fill(name, values[self.run], values)
        except EngineError as error:
            updates = self.slow[name].fail(str(error))
        return {self.in_sight: name, **updates}

    def _fill(self, name: str, run: str, values: Values) -> Updates:
        """The pane of this name, if it is one of those that take long."""
        return self.slow[name].show(run, values) if name in self.slow else {}


def build(run: gr.Dropdown, experts: gr.State) -> Panes:
    with gr.Tabs(selected=SIDE_BY_SIDE, elem_id="merge-views", overflow_behavior="wrap") as tabs:
        with gr.Tab("Side by side", id=SIDE_BY_SIDE):
            pair = comparison.build()
        with gr.Tab("Grid", id=GRID):
            grid = grid_pane.build(run)
        slow: dict[str, Slow] = {}
        with gr.Tab("Interference", id=INTERFERENCE):
            slow[INTERFERENCE] = interference_pane.build(run)
        with gr.Tab("Search", id=SEARCH):
            slow[SEARCH] = search_pane.build(run, experts)
        with gr.Tab("Files", id=FILES):
            slow[FILES] = files_pane.build(run)
            adopt_form.build(run)
    panes = Panes(run, tabs, parts.state(SIDE_BY_SIDE, "pane-in-sight"), pair, grid, slow)
    # QUEUED shows no progress: Gradio's would fade the very sentence that asks for patience.
    tabs.select(panes.open, {run, *panes.inputs}, [panes.in_sight, *panes.outputs], **QUEUED)
    return panes
