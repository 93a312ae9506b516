"""Score models on the same prompts and seeds, and say how sure the difference is."""

from collections.abc import Sequence
from typing import Any, get_args, get_type_hints

import gradio as gr

from app import access, page
from app.forms import history
from app.forms.form import form
from app.forms.picker import choose
from app.page import QUIET, Page, told
from app.show import charts, markup, thumbnails
from engine import judges, runs, worlds
from engine.core.store import Store
from engine.evaluate import Config, checks
from engine.evaluate.planning import CEILING
from engine.evaluate.standings import Standing, lead, score_tables
from engine.evaluate.standings.units import NOT_MEASURED, Unit
from engine.runs import contents

TITLE = "Evaluate"
OWN = (
    "models",
    "model",
    "revision",
    "judge",
    "judge_options",
    "skills",
    "guidances",
    "own_guidance",
    "keep_pictures",
    "split",
)
SPLIT = get_type_hints(Config)["split"]
GUIDANCES = (1.0, 2.0, 3.5, 5.0)
MOST_PROMPTS = 12
BEST, EVERY = "guidance chosen on validation", "every guidance"

NOTES = (
    "Score: mean over skills of the share of questions answered yes, where no question counts "
    "whose parent was "
    "answered no. SELMA's rule: the same down all levels, as a mean over all questions. Exact: "
    "pictures with "
    "everything right and nothing more. To base: the paired difference, at the same guidance scale "
    "if the base "
    "has it, with a bootstrap interval over prompts. Floor: the same pictures judged by wrong "
    "prompts. Ceiling: "
    "drawn scenes after the painter's own VAE."
)


def build(run: gr.Dropdown) -> Page:
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
                [f"{g:g}" for g in GUIDANCES], value=["3.5"], label="Guidance scales"
            )
            split = gr.Radio(
                list(get_args(SPLIT)),
                value="validation",
                label="Prompts",
                elem_id="evaluate-split",
                info="Settings are chosen on validation; test is only reported",
            )
            button = gr.Button("Evaluate", variant="primary", elem_id="evaluate")
            with gr.Accordion("Settings", open=False):
                judge = choose("judge", "judge_options", judges, worlds.usual_judge())
                options = form(Config, leave_out=OWN)
        with gr.Column(scale=2, min_width=320):
            with gr.Row(elem_classes="filters"):
                table = gr.Dropdown([], label="Show", elem_id="evaluate-table", min_width=150)
                which = gr.Radio([BEST, EVERY], value=BEST, label="Rows", scale=2, min_width=200)
            ranking = gr.HTML(elem_id="ranking")
            plot = gr.Plot(
                visible=False,
                show_label=False,
                container=False,
                elem_id="score-plot",
                elem_classes="figure",
            )
            shown = gr.HTML(elem_id="judged")
    drawn = [table, ranking, plot, shown]

    @told()
    @access.only
    def evaluate(
        run: str, models: list[str], guidances: list[str], split: str, **values: Any
    ) -> list[Any]:
        name, own = judge.read(values)
        contents.check_judged(runs.open_store(run), "An evaluation", name)
        arms = {model: {} if model == "base" else {model: 1.0} for model in models}
        working = page.start(
            "evaluate",
            run,
            Config,
            checks.check,
            models=arms,
            split=split,
            **contents.base_of(runs.open_store(run)),
            skills=history.judged_skills(run),
            guidances=[float(g) for g in guidances],
            judge=name,
            judge_options=own,
            keep_pictures=MOST_PROMPTS,
            **judge.rest(values),
        )
        return [working, gr.update(choices=[f"{split}/{name}"], value=f"{split}/{name}")]

    button.click(
        evaluate,
        outputs=[run, table],
        inputs_kwargs={
            "run": run,
            "models": models,
            "guidances": guidances,
            "split": split,
            **judge.inputs,
            **options,
        },
        **QUIET,
    )
    history.follow(run, "evaluate", Config, {**options, "split": split}, judge)
    for choice in (table, which):
        choice.input(told()(standings), [run, table, which], drawn, **QUIET)
    return Page([models, table, which], [models, *drawn], show)


def show(run: str, models: Sequence[str], table: str | None, which: str) -> list[Any]:
    found = contents.summary(runs.open_store(run))
    known = ["base", *found.merges, *found.experts]
    kept = [model for model in models if model in known]
    if models and kept in ([], ["base"]):  # what somebody has emptied stays empty
        kept = ["base", *found.merges]
    return [page.choices(known, kept, models), *standings(run, table, which)]


def standings(run: str, table: str | None, which: str) -> list[Any]:
    """The choice of tables, and one of them as a table, a figure and pictures; that of a job may be
    empty yet.
    """
    store = runs.open_store(run)
    tables = score_tables.tables(store)
    if (awaited := _asked_last(run)) and awaited not in tables:
        tables.append(awaited)
    table = table if table in tables else next(iter(tables), None)
    choice = gr.update(choices=tables, value=table)
    if table is None or not score_tables.of_run(store, table):
        return [
            choice,
            markup.empty(
                "Nothing is scored yet",
                "Choose models and press Evaluate. Every model paints the "
                "same prompts from the same seeds.",
            ),
            page.plot(None),
            "",
        ]
    best = score_tables.at_their_best(store, table)
    shown = best if which == BEST else score_tables.of_run(store, table)
    if not any(standing.by_skill for standing in painted_by(shown)):
        told = unread_view(store, shown, table)
        return [choice, told, page.plot(None), pictures_view(store, best, table)]
    unit = score_tables.unit_of(table, shown)
    plot = page.plot(figure(best, unit))
    return [choice, ranking_view(shown, unit), plot, pictures_view(store, best, table)]


def _asked_last(run: str) -> str:
    """The table that the run's last evaluation writes, or ""."""
    last = history.last_job(run, "evaluate")
    return f"{last['split']}/{last['judge']}" if {"split", "judge"} <= last.keys() else ""


def painted_by(shown: Sequence[Standing]) -> list[Standing]:
    """All but the ceiling, which nobody painted."""
    return [standing for standing in shown if standing.arm != CEILING]


def unread_view(store: Store, shown: Sequence[Standing], table: str) -> str:
    """What stands where a judge could read none of the prompts."""
    judge = table.partition("/")[2]
    told = [
        why
        for standing in painted_by(shown)
        if (why := score_tables.unread(store, standing.model, table))
    ]
    reason = f": {told[0]}" if told else ""
    return markup.empty(
        "No prompt could be scored",
        (
            f"The judge {judge} could read none of them{reason}. The pictures are below. For "
            "scores, "
            "evaluate on prompts that it understands, or choose another judge."
        ),
    )


def ranking_view(shown: Sequence[Standing], unit: Unit) -> str:
    """A row a model; the best of those that paint stands out where the intervals say that it is."""
    skills = list(dict.fromkeys(skill for standing in shown for skill in standing.by_skill))
    painters = painted_by(shown)
    ahead = lead.among([standing.prompts for standing in painters], unit)
    best = shown.index(painters[ahead.first]) if ahead and ahead.decided else None
    header = (
        "model",
        unit.axis,
        "95 % interval",
        "to base",
        "95 % interval",
        "SELMA's rule",
        "exact",
        *skills,
        "diversity",
        "floor",
    )
    table = markup.table(header, [_row(standing, skills, unit) for standing in shown], best)
    told = markup.aside(ahead.sentence([standing.model for standing in painters])) if ahead else ""
    return table + told + markup.aside(NOTES)


def figure(shown: Sequence[Standing], unit: Unit) -> Any:
    """Bars of every model that anything was scored of."""
    known = {standing.model: standing.by_skill for standing in shown if standing.by_skill}
    return charts.bars(known, unit) if known else None


def pictures_view(store: Store, shown: Sequence[Standing], table: str) -> str:
    """The same prompt by every model, side by side, with what the judge gave it.

    Where strangers vote on these pictures, names beside them would tell who painted which.
    """
    if access.is_absent():
        return markup.aside(
            "These pictures are voted on here, so they are not shown with names beside them."
        )
    unit = score_tables.unit_of(table, shown)
    rows = list(score_tables.pictures(store, [standing.model for standing in shown], table).items())
    spread = rows[:: max(1, len(rows) // MOST_PROMPTS)][:MOST_PROMPTS]
    return markup.rows(
        [
            markup.gallery(
                [
                    markup.Tile(
                        thumbnails.thumbnail(file),
                        model,
                        markup.marked(score, unit),
                        markup.is_good(score, unit),
                    )
                    for model, file, score in painted
                ],
                prompt,
            )
            for prompt, painted in spread
        ]
    )


def _row(standing: Standing, skills: Sequence[str], unit: Unit) -> tuple[str, ...]:
    """The judge's scores in its unit; what is counted, in percent."""
    summary, difference = standing.summary, standing.against_base
    return (
        standing.model,
        unit.value(summary.macro),
        unit.span(*standing.mean[1:]) if standing.mean else NOT_MEASURED,
        unit.signed(difference[0]) if difference else "",
        "{} to {}".format(*map(unit.signed, difference[1:])) if difference else "",
        markup.percent(summary.selma),
        markup.percent(summary.exact),
        *(unit.value(summary.by_skill.get(skill)) for skill in skills),
        markup.percent(standing.diversity),
        unit.value(standing.floor),
    )
