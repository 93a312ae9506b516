"""The merge tab's search for better weights."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import access, launch, parts
from app.access import owner_only
from app.forms.form import Form, form
from app.listeners import QUEUED, Updates, Values
from app.show import markup
from app.tabs.merge import search_view
from engine import runs
from engine.runs import contents, settings
from engine.studies import results
from engine.studies.candidates import read_candidates
from engine.studies.search import Config, check

ELSEWHERE = (
    "experts",
    "name",
    "skills",
    "spread",
    "lowest",
    "highest",
    "model",
    "revision",
    "judge",
    "judge_options",
    "prompts",
    "test_prompts",
    "steps",
)
"""Fields of the Config that are chosen in other ways than in the settings."""
HELP = (
    "CMA-ES tries weights around the plain average and keeps what the judge scores highest on "
    "validation prompts. In the end the winner and the average meet once, on test prompts."
)
READING = "The run's searches are read."
NOTHING = (
    "Press Search: it paints a few thousand small pictures, can be cancelled, and goes on where it "
    "was."
)


@dataclass(frozen=True)
class SearchPane:
    """The pane's components and what they do."""

    run: gr.Dropdown
    experts: gr.State
    options: Form
    plot: gr.Plot
    result: gr.HTML
    inputs: frozenset[Any] = frozenset()

    @property
    def outputs(self) -> list[Any]:
        return [self.plot, self.result]

    def show(self, run: str, values: Values) -> Updates:
        """The newest search of the run."""
        store = runs.open_store(run)
        name = results.newest_search(store)
        if not name:
            return self._view(None, markup.empty("Nothing searched yet", NOTHING))
        tried = read_candidates(store, name)
        if not tried:
            return self._view(None, markup.patience("The average is being painted."))
        unit = search_view.unit_of(store, tried)
        html = search_view.table(store, tried, unit) + search_view.test_result(store, name, unit)
        return self._view(search_view.figure(tried, unit), html)

    @owner_only
    def start(self, values: Values) -> Updates:
        """Search as a job of the run, under a new name."""
        run = values[self.run]
        store = runs.open_store(run)
        judge = contents.judge_of(store, "A search")
        options = self.options.read(values) | contents.base_of(store)
        options["experts"] = tuple(values[self.experts])
        options["name"] = results.free_name(store, results.SEARCHES, "search")
        options["judge"] = judge
        options["skills"] = settings.judged_skills(store)
        choice = launch.start("search", run, Config, check, **options)
        return {self.run: choice}

    def wait(self) -> Updates:
        """Until the pane is filled, nothing is said of searches."""
        return self._view(None, markup.patience(READING))

    def fail(self, why: str) -> Updates:
        return self._view(None, markup.failure(why))

    def _view(self, figure: Any, html: str) -> Updates:
        return {self.plot: parts.figure_update(figure), self.result: html}


def build(run: gr.Dropdown, experts: gr.State) -> SearchPane:
    parts.help_text(HELP)
    with gr.Accordion("Settings", open=False):
        options = form(Config, "search", leave_out=ELSEWHERE)
    button = parts.narrow_button("Search", "search-weights", variant="primary")
    access.note()
    plot = parts.figure("search-plot")
    result = gr.HTML(markup.patience(READING), elem_id="search-result")
    pane = SearchPane(run, experts, options, plot, result)
    inputs: Any = {run, experts, *options.components.values()}
    button.click(pane.start, inputs, [run], **QUEUED)
    return pane
