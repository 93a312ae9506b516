"""The merge tab's report on how the experts get on with each other; nothing is painted for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr

from app import access, launch, parts
from app.listeners import QUEUED, Updates, Values
from app.show import charts, markup
from app.tabs.merge import left_out_view
from app.tabs.merge.sliders import MergeChoice
from engine import runs
from engine.core.errors import EngineError
from engine.runs import contents, interference, settings
from engine.studies import leave_one_out

if TYPE_CHECKING:
    from engine.merge.interference import Report

NOTE = (
    "Cosine 1: two experts changed the model the same way. 0: they leave each other alone. Below "
    "0: they undo each other. Cancels: how much of the experts' lengths is lost in their equal "
    "mean; experts that have nothing to do with each other lose {alone:.0f} % that way. Effective "
    "rank: how many directions a layer truly uses."
)
READING = "The experts are compared: a few seconds, once."
TOO_FEW = "Train another one, or take one in: then it shows here how they get on."


@dataclass(frozen=True)
class InterferencePane:
    """The pane's components and what they do."""

    run: gr.Dropdown
    block: gr.Dropdown
    plot: gr.Plot
    numbers: gr.HTML
    button: gr.Button
    left_out: gr.HTML

    @property
    def inputs(self) -> set[Any]:
        return {self.block}

    @property
    def outputs(self) -> list[Any]:
        return [self.block, self.plot, self.numbers, self.left_out]

    def show(self, run: str, values: Values) -> Updates:
        store = runs.open_store(run)
        try:
            report = interference.report(store)
        except EngineError as error:
            return self.fail(str(error))
        if report is None:
            return self._instead(markup.empty("Two experts are needed", TOO_FEW))
        blocks = {block.name: block for block in report.blocks}
        name = parts.one_of(values[self.block], list(blocks)) or ""
        heat_map = charts.heat_map(blocks[name].cosines, report.experts)
        return {
            self.block: parts.choice_update(blocks, name, visible=True),
            self.plot: parts.figure_update(heat_map),
            self.numbers: _tables(report),
            self.left_out: left_out_view.view(store),
        }

    def choose_block(self, values: Values) -> Updates:
        return self.show(values[self.run], values)

    def leave_out(self, values: Values, merge: MergeChoice, guidance: float) -> Updates:
        """Leave each expert of a merge out in turn, as a job. Raises EngineError."""
        run = values[self.run]
        store = runs.open_store(run)
        judge = contents.judge_of(store, "Leaving experts out")
        options = merge.config() | contents.base_of(store)
        options["guidance"] = guidance
        options["judge"] = judge
        options["skills"] = settings.judged_skills(store)
        config, check = leave_one_out.Config, leave_one_out.check
        choice = launch.start("leave_one_out", run, config, check, **options)
        return {self.run: choice}

    def wait(self) -> Updates:
        """Until the pane is filled, nothing is said of the experts."""
        return self._instead(markup.patience(READING))

    def fail(self, why: str) -> Updates:
        return self._instead(markup.failure(why))

    def _instead(self, html: str) -> Updates:
        """No figure, and why there is none."""
        return {
            self.block: gr.update(visible=False),
            self.plot: parts.figure_update(None),
            self.numbers: html,
            self.left_out: "",
        }


def build(run: gr.Dropdown) -> InterferencePane:
    block = gr.Dropdown(
        [], label="Part of the model", visible=False, elem_id="interference-block", min_width=200
    )
    plot = parts.figure("interference-plot")
    numbers = gr.HTML(markup.patience(READING), elem_id="interference")
    button = gr.Button("Leave each out in turn, on validation", size="sm", elem_id="leave-one-out")
    access.note()
    pane = InterferencePane(run, block, plot, numbers, button, gr.HTML(elem_id="left-out"))
    block.input(pane.choose_block, {run, block}, pane.outputs, **QUEUED)
    return pane


def _tables(report: "Report") -> str:
    from engine.merge.interference import unrelated_cancellation

    alone = 100 * unrelated_cancellation(len(report.experts))
    return _experts_table(report) + _blocks_table(report) + markup.aside(NOTE.format(alone=alone))


def _experts_table(report: "Report") -> str:
    whole = report.blocks[0]
    rows = []
    numbers = zip(report.experts, whole.norms, report.effective_ranks, strict=True)
    for name, norm, rank in numbers:
        rows.append([name, f"{norm:.3g}", f"{rank:.1f}"])
    return markup.table(["expert", "norm", "effective rank"], rows)


def _blocks_table(report: "Report") -> str:
    rows = []
    for block in report.blocks:
        rows.append([block.name, markup.percent(block.cancellation), *_norms(block.norms)])
    norms = [f"norm of {name}" for name in report.experts]
    return markup.table(["part of the model", "cancels, %", *norms], rows)


def _norms(norms: Sequence[float]) -> list[str]:
    return [f"{norm:.3g}" for norm in norms]
