"""The merge tab's search for better weights: what was tried, and what the winner is worth on
prompts it never saw.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from app import access, page
from app.forms import history
from app.forms.form import form
from app.show import charts, markup
from engine import runs
from engine.core.store import Store, read_object
from engine.evaluate.intervals import Interval
from engine.evaluate.standings import lead, score_tables, units
from engine.evaluate.standings.units import Unit
from engine.runs import contents
from engine.studies.candidates import AVERAGE, Candidate, read_candidates
from engine.studies.search import Config, check

LEFT_OUT = (
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
MOST_ROWS = 6


def build(run: gr.Dropdown, experts: gr.State) -> list[Component]:
    """A form, a button and what came of it, for `show`."""
    gr.Markdown(
        "CMA-ES tries weights around the plain average and keeps what the judge scores highest on "
        "validation "
        "prompts. In the end the winner and the average meet once, on test prompts.",
        elem_classes="help",
    )
    with gr.Accordion("Settings", open=False):
        options = form(Config, leave_out=LEFT_OUT)
    button = gr.Button(
        "Search", variant="primary", min_width=120, scale=0, elem_id="search-weights"
    )
    plot = gr.Plot(
        visible=False,
        show_label=False,
        container=False,
        elem_classes="figure",
        elem_id="search-plot",
    )
    told = gr.HTML(elem_id="search-result")
    button.click(
        start, outputs=run, inputs_kwargs={"run": run, "experts": experts, **options}, **page.QUIET
    )
    return [plot, told]


@page.told()
@access.only
def start(run: str, experts: Sequence[str], **values: Any) -> dict[str, Any]:
    """Search as a job of the run, under a new name."""
    store = runs.open_store(run)
    judge = contents.judge_of(store, "A search")
    taken = {path.name for path in store.folder.glob("searches/*")}
    name = next(name for n in range(1, len(taken) + 2) if (name := f"search-{n}") not in taken)
    return page.start(
        "search",
        run,
        Config,
        check,
        experts=tuple(experts),
        name=name,
        judge=judge,
        skills=history.judged_skills(run),
        **contents.base_of(store),
        **values,
    )


def show(run: str) -> list[Any]:
    """Values for what `build` made: the newest search of the run."""
    store = runs.open_store(run)
    found = sorted(
        store.folder.glob("searches/*/tried.jsonl"), key=lambda path: path.stat().st_mtime
    )
    if not found:
        return [
            page.plot(None),
            markup.empty(
                "Nothing searched yet",
                "Press Search: it paints a few thousand small "
                "pictures, can be cancelled, and goes on where it was.",
            ),
        ]
    folder = found[-1].parent
    tried = read_candidates(store, folder.name)
    if not tried:
        return [page.plot(None), markup.waiting("The average is being painted.")]
    average = tried[0]
    names = list(average.weights)
    unit = units.of(_judge(store, average.arm), (one.score for one in tried))
    first = sorted(tried, key=lambda one: -unit.gain(one.score))[:MOST_ROWS]
    shown = list(dict.fromkeys([*first, average]))
    ahead = lead.among([score_tables.validated(store, one.arm) for one in shown], unit)
    rows = [
        [_name(one), unit.value(one.score), *(f"{one.weights[name]:.2f}" for name in names)]
        for one in shown
    ]
    best = ahead.first if ahead and ahead.decided else None
    table = markup.table(["on validation", unit.axis, *names], rows, best)
    dots = {"candidates": [(number, one.score) for number, one in enumerate(tried)]}
    told = markup.aside(ahead.sentence([_name(one) for one in shown])) if ahead else ""
    plot = page.plot(charts.progress(dots, average.score, unit))
    return [plot, table + told + _tested(folder, unit)]


def _judge(store: Store, arm: str) -> str:
    """Whose scores a search was after; the folder of its scores is the only one that says it."""
    return next((path.stem for path in score_tables.validation_files(store, arm)), "")


def _name(one: Candidate) -> str:
    return AVERAGE if one.arm.endswith(AVERAGE) else one.arm.lstrip("_")


def _tested(folder: Path, unit: Unit) -> str:
    """The winner and the average on test."""
    if not (folder / "result.json").exists():
        return ""
    rates: dict[str, Any] = dict.fromkeys(
        ("test", "average_on_test", "floor", "ceiling"), float | None
    )
    result = read_object(
        folder / "result.json", verdict=str, difference=tuple[float, float, float] | None, **rates
    )
    told = f"On test: searched {unit.value(result['test'])}"
    told += f", average {unit.value(result['average_on_test'])}"
    told += f" (floor {unit.value(result['floor'])}, ceiling {unit.value(result['ceiling'])})"
    if result["difference"]:
        difference = unit.between(Interval(*result["difference"]))
        told += f", a difference of {difference}: {result['verdict']}"
    return markup.aside(f"{told}.")
