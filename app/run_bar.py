"""The bar above the tabs: which run, the whole line on one button, and how far the work has come."""

import os
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from app import access, page, run_menu
from app.page import QUIET, told
from engine import jobs, runs, worlds
from engine.core import store
from engine.core.config import read_toml
from engine.core.errors import EngineError
from engine.jobs import Job
from engine.runs import contents

QUICK = worlds.usual().RECIPE
SPLITS = ("validation", "test")
"""The pipeline evaluates twice, and names the split."""
NEXT = {
    "pipeline": "See who is better in Evaluate, slide the weights in Merge, choose between pictures in Vote.",
    "prompts": "Next: paint them, in Images.",
    "images": "Next: let experts learn from them, in Experts.",
    "experts": "Next: slide their weights, in Merge.",
    "merge": "Next: score it beside the base, in Evaluate.",
    "evaluate": "Next: choose between the pictures, in Vote.",
    "adopt": "It has a slider now, in Merge.",
    "grid": "Press a picture of it, in Merge under Grid, and the sliders take its weights.",
    "search": "What it found stands among the weights, in Merge.",
    "leave_one_out": "The table stands in Merge, under Interference.",
}
"""What to do after each job."""
STAGES = ("prompts", "images", "experts", "merge", "evaluate")


@dataclass(frozen=True)
class Line:
    """The bar's components that others need."""

    run: gr.Dropdown
    outputs: list[Component]


def build() -> Line:
    with gr.Row(elem_id="line"):
        run = gr.Dropdown(
            runs.names(), value=None, label="Run", elem_id="run", min_width=180, scale=2
        )
        recipe = gr.Dropdown(
            titles(),
            value=next(iter(recipes()), None),
            label="Recipe",
            elem_id="recipe",
            min_width=180,
            scale=2,
        )
        whole = gr.Button(
            "Run the whole line", variant="primary", elem_id="whole-line", min_width=180, scale=1
        )
    strip = gr.HTML(elem_id="progress")
    with gr.Row(elem_id="job-buttons"):
        rename, delete = run_menu.buttons()
        cancel = gr.Button("Cancel", size="sm", visible=False, elem_id="cancel", min_width=100)
        resume = gr.Button("Go on", size="sm", visible=False, elem_id="resume", min_width=100)
    recipe.focus(lambda: gr.update(choices=titles()), None, recipe, **QUIET)
    run_menu.wire(run, rename, delete)
    whole.click(start, recipe, run, **QUIET)
    cancel.click(
        stop, None, cancel, api_visibility="private", show_progress="hidden", concurrency_limit=4
    )
    resume.click(go_on, run, run, **QUIET)
    return Line(run, [strip, cancel, resume])


def recipes_folder() -> Path:
    """SELMA_RECIPES, or those that ship."""
    return Path(os.environ.get("SELMA_RECIPES", jobs.ROOT / "assets" / "recipes")).resolve()


def recipes() -> list[str]:
    """The quick one first."""
    return sorted(
        (path.stem for path in recipes_folder().glob("*.toml")),
        key=lambda name: (name != QUICK, name),
    )


def titles() -> list[tuple[str, str]]:
    """Every recipe that lies in the folder now: its title and its name."""
    return [(title_of(name), name) for name in recipes()]


def title_of(recipe: str) -> str:
    """A recipe's own title after its name; its name alone where it has none."""
    try:
        title = str(read_toml(recipes_folder() / f"{recipe}.toml").get("title", ""))
    except EngineError:  # pressing the button says what is wrong with it
        title = ""
    return " · ".join(filter(None, (recipe, title)))


@told()
@access.only
def start(recipe: str) -> dict[str, Any]:
    """A new run through all stages; returns the choice of runs, set to it."""
    from engine.recipes import load

    file = recipes_folder() / f"{recipe}.toml"
    load(file)  # what it asks for in vain is said before anything is made
    with jobs.turn():
        run = runs.new(recipe)
        jobs.begin("pipeline", {"recipe": str(file)}, jobs.run_folder(run))
    return page.chosen(run)


@told()
@access.only
def stop() -> dict[str, Any]:
    """Ask the working job to save and stop; waits until it has."""
    if job := jobs.running():
        jobs.cancel(job.folder)
    return gr.update(visible=False)


@told()
@access.only
def go_on(run: str) -> dict[str, Any]:
    """Start the run's last job again: it does what is missing."""
    if job := last_job(run):
        file = job.folder / "config.json"
        asked = store.read_object(file, config=dict | None)["config"] or {}
        jobs.start(job.stage, asked, runs.folder(run))
    return gr.update(value=run)


def last_job(run: str) -> Job | None:
    return next((job for job in jobs.listed() if job.run == run), None)


def mark(run: str) -> str:
    """Changes whenever there is something new to show of a run."""
    job, busy = last_job(run), jobs.running()
    return " ".join([run, *(_mark(one) for one in (job, busy))])


def shown(run: str) -> list[Any]:
    """Values of the line's outputs."""
    job, busy = last_job(run), jobs.running()
    elsewhere = busy if busy and busy.run != run else None
    return [
        strip(run, job, elsewhere),
        gr.update(visible=busy is not None),
        gr.update(visible=not busy and job is not None and job.state in ("stopped", "error")),
    ]


def strip(run: str, job: Job | None, elsewhere: Job | None) -> str:
    """The stations of the line with what the run holds of each, and what its job says."""
    found = contents.of(runs.open_store(run))
    counts = {
        "prompts": found.prompts,
        "images": found.pictures,
        "experts": len(found.experts),
        "merge": len(found.merges),
        "evaluate": len(found.scored),
    }
    working = working_stage(job)
    stations = "".join(station(stage, counts[stage], stage == working) for stage in STAGES)
    told = [said(job)] if job else []
    told += [said(elsewhere, f"Run {elsewhere.run}: ")] if elsewhere else []
    return f'<ol class="stations">{stations}</ol>{"".join(told)}'


def station(stage: str, count: int, is_working: bool) -> str:
    tone = "working" if is_working else "done" if count else "waiting"
    return f'<li class="{tone}"><b>{stage.capitalize()}</b><span>{f"{count:,}" if count else "–"}</span></li>'


def said(job: Job, lead: str = "") -> str:
    """The job's last sentence, with a bar while it works and can say how far it is."""
    if job.last is None:
        text = escape(f"{lead}Starting {job.stage} …")
        return f'<div class="job running" role="status"><progress></progress><p>{text}</p></div>'
    bar = ""
    if job.state == "running":
        share = f' value="{job.last.done}" max="{job.last.total}"' if job.last.total else ""
        bar = f"<progress{share}></progress>"
    text = done(job.stage, job.last.text) if job.state == "done" else job.last.text
    return f'<div class="job {job.state}" role="status">{bar}<p>{escape(lead + text)}</p></div>'


def done(stage: str, said: str) -> str:
    """That a job is through, what it said last, and what to do next. The whole line ends with a
    table of scores.
    """
    first = said.splitlines()[0].strip() if said else ""
    return " ".join(
        filter(None, (f"Done: {first or 'every stage of the recipe.'}", NEXT.get(stage)))
    )


def working_stage(job: Job | None) -> str:
    """The stage a running job is at; the whole line's events name theirs."""
    if job is None or job.state != "running":
        return ""
    stage = (
        str(job.last.data.get("stage", "")) if job.last and job.stage == "pipeline" else job.stage
    )
    return "evaluate" if stage in SPLITS else stage


def _mark(job: Job | None) -> str:
    if job is None:
        return "-"
    events = job.folder / "events.jsonl"
    return f"{job.folder.name} {job.state} {events.stat().st_size if events.exists() else 0}"
