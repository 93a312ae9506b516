"""The merge tab's search for better weights: what was tried, and what the winner is worth on prompts it never saw."""
from collections.abc import Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from app import asked, contents, figures, owner, page, runs, views
from app.form import form
from engine.core.store import read_object
from engine.search import Config, check, tried_so_far

LEFT_OUT = ("experts", "name", "skills", "spread", "lowest", "highest", "model", "revision", "judge", "judge_options",
            "prompts", "test_prompts", "steps")
MOST_ROWS = 6


def build(run: gr.Dropdown, experts: gr.State) -> list[Component]:
    """A form, a button and what came of it, for `show`."""
    gr.Markdown("CMA-ES tries weights around the plain average and keeps what the judge scores highest on validation "
                "prompts. In the end the winner and the average meet once, on test prompts.", elem_classes="help")
    with gr.Accordion("Settings", open=False):
        options = form(Config, leave_out=LEFT_OUT)
    button = gr.Button("Search", variant="primary", min_width=120, scale=0, elem_id="search-weights")
    plot = gr.Plot(visible=False, show_label=False, container=False, elem_classes="figure", elem_id="search-plot")
    told = gr.HTML(elem_id="search-result")
    button.click(start, outputs=run, inputs_kwargs={"run": run, "experts": experts, **options}, **page.QUIET)
    return [plot, told]


@page.told()
@owner.only
def start(run: str, experts: Sequence[str], **values: Any) -> dict[str, Any]:
    """Search as a job of the run, under a new name."""
    store = runs.open_store(run)
    contents.check_judged(store, "A search")
    taken = {path.name for path in store.folder.glob("searches/*")}
    name = next(name for n in range(1, len(taken) + 2) if (name := f"search-{n}") not in taken)
    return page.start("search", run, Config, check, experts=tuple(experts), name=name,
                      skills=asked.judged_skills(run), **contents.base_of(store), **values)


def show(run: str) -> list[Any]:
    """Values for what `build` made: the newest search of the run."""
    store = runs.open_store(run)
    found = sorted(store.folder.glob("searches/*/tried.jsonl"), key=lambda path: path.stat().st_mtime)
    if not found:
        return [page.plot(None), views.empty("Nothing searched yet", "Press Search: it paints a few thousand small "
                                             "pictures, can be cancelled, and goes on where it was.")]
    folder = found[-1].parent
    tried = tried_so_far(store, folder.name)
    best = sorted(tried, key=lambda one: -one.score)[:MOST_ROWS]
    if not tried:
        return [page.plot(None), views.waiting("The average is being painted.")]
    average = tried[0]
    names = list(average.weights)
    rows = [["average" if one is average else one.arm.lstrip("_"), views.percent(one.score),
             *(f"{one.weights[name]:.2f}" for name in names)] for one in dict.fromkeys([*best, average])]
    table = views.table(["on validation", "score", *names], rows, best=0)
    scores = {"candidates": [(number, one.score) for number, one in enumerate(tried)]}
    return [page.plot(figures.progress(scores, average.score)), table + _tested(folder)]


def _tested(folder: Any) -> str:
    """The winner and the average on test."""
    if not (folder / "result.json").exists():
        return ""
    scores = ("test", "average_on_test", "floor", "ceiling")
    rates: dict[str, Any] = dict.fromkeys(scores, float | None)
    result = read_object(folder / "result.json", verdict=str,
                         difference=tuple[float, float, float] | None, **rates)
    told = f"On test: searched {views.percent(result['test'])}, average {views.percent(result['average_on_test'])}"
    told += f" (floor {views.percent(result['floor'])}, ceiling {views.percent(result['ceiling'])})"
    if result["difference"]:
        middle, low, high = (views.signed(value) for value in result["difference"])
        told += f", a difference of {middle} points ({low} to {high}): {result['verdict']}"
    return views.aside(f"{told}.")
