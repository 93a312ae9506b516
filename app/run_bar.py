"""The bar above the tabs: which run, the whole line on one button, how far the work has come."""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import launch, run_menu
from app.access import owner_only
from app.listeners import QUEUED, Updates, Values
from app.parts import first_or_none
from app.show import progress
from engine import jobs, recipes, runs
from engine.jobs import record
from engine.jobs.progress import last_job
from engine.runs import recipe_files

OF_THE_APP = (runs.EXAMPLE, runs.NEW)
"""What can be neither renamed nor deleted."""
GOES_ON_FROM = ("stopped", "error")
"""States of a job that may be started again."""


@dataclass(frozen=True)
class RunBar:
    """The bar's components and what they do."""

    run: gr.Dropdown
    recipe: gr.Dropdown
    strip: gr.HTML
    rename: gr.Button
    delete: gr.Button
    cancel: gr.Button
    resume: gr.Button

    @property
    def outputs(self) -> list[Any]:
        """What `show` and `offer_changes` change."""
        return [self.strip, self.rename, self.delete, self.cancel, self.resume]

    def show(self, run: str) -> Updates:
        job, busy = last_job(run), jobs.running_job()
        other_runs_job = busy if busy and busy.run != run else None
        may_go_on = not busy and job is not None and job.state in GOES_ON_FROM
        return {
            self.strip: progress.strip(run, job, other_runs_job),
            self.cancel: gr.update(visible=busy is not None),
            self.resume: gr.update(visible=may_go_on),
        }

    def offer_changes(self, run: str) -> Updates:
        """Another name and an end, for a run that belongs to somebody, however damaged it is."""
        may_change = run not in OF_THE_APP
        return {button: gr.update(visible=may_change) for button in (self.rename, self.delete)}

    def offer_recipes(self) -> Updates:
        return {self.recipe: gr.update(choices=_recipe_choices())}

    @owner_only
    def start_line(self, values: Values) -> Updates:
        """A new run through all stages; it is chosen."""
        recipe = values[self.recipe]
        file = recipe_files.file_of(recipe)
        recipes.load(file)  # what it asks for in vain is said before anything is made
        with jobs.turn():
            run = runs.new_name(recipe)
            jobs.begin("pipeline", {"recipe": str(file)}, jobs.run_folder(run))
        return {self.run: launch.run_choice(run)}

    @owner_only
    def stop(self) -> Updates:
        """Ask the working job to save and stop; waits until it has."""
        if job := jobs.running_job():
            jobs.cancel(job.folder)
        return {self.cancel: gr.update(visible=False)}

    @owner_only
    def go_on(self, values: Values) -> Updates:
        """Start the run's last job again: it does what is missing."""
        run = values[self.run]
        if job := last_job(run):
            jobs.start(job.stage, record.read_options(job.folder), runs.folder(run))
        return {self.run: gr.update(value=run)}


def build() -> RunBar:
    with gr.Row(elem_id="line"):
        wide: dict[str, Any] = {"min_width": 180, "scale": 2}
        run = gr.Dropdown(runs.run_names(), value=None, label="Run", elem_id="run", **wide)
        recipe = _recipe_choice(wide)
        start = gr.Button(
            "Run the whole line", variant="primary", elem_id="whole-line", min_width=180, scale=1
        )
    strip = gr.HTML(elem_id="progress")
    with gr.Row(elem_id="job-buttons"):
        rename, delete = run_menu.buttons()
        cancel = run_menu.small_button("Cancel", "cancel")
        resume = run_menu.small_button("Go on", "resume")
    run_menu.build(run, rename, delete)
    bar = RunBar(run, recipe, strip, rename, delete, cancel, resume)
    recipe.focus(bar.offer_recipes, None, [recipe], **QUEUED)
    start.click(bar.start_line, {recipe}, [run], **QUEUED)
    patient = QUEUED | {"concurrency_limit": 4}  # each waits until the job has stopped
    cancel.click(bar.stop, None, [cancel], **patient)
    resume.click(bar.go_on, {run}, [run], **QUEUED)
    return bar


def _recipe_choices() -> list[tuple[str, str]]:
    """Every recipe that lies in the folder now: its title and its name."""
    return [(recipe_files.title_of(name), name) for name in recipe_files.names()]


def _recipe_choice(look: dict[str, Any]) -> gr.Dropdown:
    first = first_or_none(recipe_files.names())
    choices = _recipe_choices()
    return gr.Dropdown(choices, value=first, label="Recipe", elem_id="recipe", **look)
