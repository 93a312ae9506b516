"""Score models on the same prompts and seeds, and say how sure the difference is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, get_args, get_type_hints

import gradio as gr

from app import launch, parts
from app.access import owner_only
from app.forms import history
from app.forms.form import Form, form
from app.forms.picker import Picker, pick
from app.listeners import QUEUED, Updates, Values
from app.tab import Tab
from app.tabs.evaluate import ranking
from engine import runs, worlds
from engine.core import plugins
from engine.evaluate import Config, check
from engine.evaluate.standings import score_tables
from engine.runs import contents, settings

TITLE = "Evaluate"
ELSEWHERE = (
    "models",
    "model",
    "revision",
    "encoder",
    "judge",
    "judge_options",
    "skills",
    "guidances",
    "own_guidance",
    "keep_pictures",
    "split",
)
"""Fields of the Config that are chosen in other ways than in the settings."""
SPLITS = get_args(get_type_hints(Config)["split"])
GUIDANCES = ("1", "2", "3.5", "5")
USUAL = "3.5"
BEST, EVERY = "guidance chosen on validation", "every guidance"
NOTHING = (
    "Choose models and press Evaluate. Every model paints the same prompts from the same seeds."
)


@dataclass(frozen=True)
class Stage:
    """The left side: what is to be scored."""

    run: gr.Dropdown
    models: gr.Dropdown
    guidances: gr.CheckboxGroup
    split: gr.Radio
    button: gr.Button
    judge: Picker
    options: Form
    table: gr.Dropdown
    """Of the right side: shows what the stage will fill."""

    @property
    def inputs(self) -> set[Any]:
        fields = self.options.components.values()
        own = {self.run, self.models, self.guidances, self.split}
        return {*own, *self.judge.inputs, *fields}

    @owner_only
    def evaluate(self, values: Values) -> Updates:
        run, split = values[self.run], values[self.split]
        judge = self.judge.config(values)
        store = runs.open_store(run)
        contents.check_judged(store, "An evaluation", judge["judge"])
        options = self.options.read(values) | judge | contents.base_of(store)._asdict()
        options["models"] = arms(values[self.models])
        options["guidances"] = list(map(float, values[self.guidances]))
        options["skills"] = settings.judged_skills(store)
        options["split"] = split
        options["keep_pictures"] = ranking.MOST_PROMPTS
        choice = launch.start("evaluate", run, Config, check, **options)
        table = f"{split}/{judge['judge']}"
        return {self.run: choice, self.table: parts.choice_update([table], table)}


@dataclass(frozen=True)
class Scores:
    """The right side: what was scored."""

    run: gr.Dropdown
    models: gr.Dropdown
    """Of the left side: offers what the run holds."""
    table: gr.Dropdown
    rows: gr.Radio
    ranking: gr.HTML
    plot: gr.Plot
    pictures: gr.HTML

    @property
    def inputs(self) -> set[Any]:
        return {self.models, self.table, self.rows}

    @property
    def outputs(self) -> list[Any]:
        return [self.table, self.ranking, self.plot, self.pictures]

    def show(self, run: str, values: Values) -> Updates:
        held, chosen = contents.summary(runs.open_store(run)), values[self.models]
        known = ["base", *held.merges, *held.experts]
        models = [model for model in chosen if model in known]
        if chosen and models in ([], ["base"]):  # what somebody has emptied stays empty
            models = ["base", *held.merges]
        models_update = parts.multiselect_update(known, models, chosen)
        return {self.models: models_update, **self._draw(run, values)}

    def redraw(self, values: Values) -> Updates:
        """Another table, or other rows of it."""
        return self._draw(values[self.run], values)

    def _draw(self, run: str, values: Values) -> Updates:
        tables = tables_of(run)
        table = parts.one_of(values[self.table], tables)
        view = view_of(run, table, values[self.rows])
        return {
            self.table: parts.choice_update(tables, table),
            self.ranking: view.ranking,
            self.plot: parts.figure_update(view.figure),
            self.pictures: view.pictures,
        }


def build(run: gr.Dropdown) -> Tab:
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            models = gr.Dropdown(
                ["base"],
                value=["base"],
                multiselect=True,
                label="Models",
                elem_id="evaluate-models",
                info="The base, experts and merges of this run",
            )
            guidances = gr.CheckboxGroup(
                list(GUIDANCES),
                value=[USUAL],
                label="Guidance scales",
                elem_id="evaluate-guidances",
            )
            split = _split_choice()
            button = parts.main_button("Evaluate", "evaluate")
            with gr.Accordion("Settings", open=False):
                judge = pick("evaluate", plugins.slot(Config, "judge"), worlds.usual_judge())
                options = form(Config, "evaluate", leave_out=ELSEWHERE)
        with gr.Column(scale=2, min_width=320):
            scores = _scores(run, models)
    stage = Stage(run, models, guidances, split, button, judge, options, scores.table)
    button.click(stage.evaluate, stage.inputs, [run, scores.table], **QUEUED)
    fields = Form({**options.components, "split": split})
    history.follow(run, "evaluate", Config, fields, judge)
    changes = [scores.table.input, scores.rows.input]
    gr.on(changes, scores.redraw, {run, scores.table, scores.rows}, scores.outputs, **QUEUED)
    return Tab(scores.inputs, [models, *scores.outputs], scores.show)


def arms(models: Sequence[str]) -> dict[str, dict[str, float]]:
    """Each model as the weights of the experts or the merge that it is made of."""
    weights: dict[str, dict[str, float]] = {}
    for model in models:
        weights[model] = {} if model == "base" else {model: 1.0}
    return weights


def tables_of(run: str) -> list[str]:
    """Every table there is, and that which the run's last evaluation is to fill."""
    store = runs.open_store(run)
    tables = score_tables.tables(store)
    last = settings.last_job_options(store, "evaluate")
    if not {"split", "judge"} <= last.keys():
        return tables
    awaited = f"{last['split']}/{last['judge']}"
    return tables if awaited in tables else [*tables, awaited]


def view_of(run: str, table: str | None, rows: str) -> ranking.View:
    """One table as a ranking, a figure and pictures; that of a job may be empty yet."""
    store = runs.open_store(run)
    every = score_tables.run_standings(store, table) if table else []
    if table is None or not every:
        return ranking.empty_view("Nothing is scored yet", NOTHING)
    best = score_tables.at_their_best(store, table)
    return ranking.view(store, table, best if rows == BEST else every, best)


def _split_choice() -> gr.Radio:
    return gr.Radio(
        list(SPLITS),
        value="validation",
        label="Prompts",
        elem_id="evaluate-split",
        info="Settings are chosen on validation; test is only reported",
    )


def _scores(run: gr.Dropdown, models: gr.Dropdown) -> Scores:
    with gr.Row(elem_classes="filters"):
        table = gr.Dropdown([], label="Show", elem_id="evaluate-table", min_width=150)
        rows = gr.Radio(
            [BEST, EVERY],
            value=BEST,
            label="Rows",
            scale=2,
            min_width=200,
            elem_id="evaluate-rows",
        )
    html = gr.HTML(elem_id="ranking")
    plot = parts.figure("score-plot")
    return Scores(run, models, table, rows, html, plot, gr.HTML(elem_id="judged"))
