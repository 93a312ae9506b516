"""A run gets another name, or goes for good: two small buttons, and a question before anything is
lost.
"""

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import parts
from app.access import owner_only
from app.launch import run_choice
from app.listeners import QUEUED, Updates, Values
from app.show import markup
from engine import runs
from engine.core.errors import EngineError
from engine.runs import contents
from engine.votes import ledger


@dataclass(frozen=True)
class RunMenu:
    """The two questions below the bar, out of sight until their button is pressed."""

    run: gr.Dropdown
    rename_row: gr.Row
    name: gr.Textbox
    delete_row: gr.Row
    question: gr.HTML
    subject: gr.State
    """The run that the question in sight is about."""

    @owner_only
    def ask_name(self, values: Values) -> Updates:
        run = values[self.run]
        runs.check_changeable(run)
        return {**self._only(self.rename_row), self.name: run, self.subject: run}

    @owner_only
    def ask_to_delete(self, values: Values) -> Updates:
        run = values[self.run]
        runs.check_changeable(run)
        question = markup.aside(f"Delete {run} for good? With it go {_inventory(run)}.")
        return {**self._only(self.delete_row), self.question: question, self.subject: run}

    @owner_only
    def rename(self, values: Values) -> Updates:
        """The run that the question was about gets another name."""
        name = values[self.name].strip()
        self._check_same(values)
        runs.rename(values[self.run], name)
        ledger.forget_ledgers()
        return {self.run: run_choice(name), **self.hide()}

    @owner_only
    def delete(self, values: Values) -> Updates:
        """The run that the question was about is gone; the usual first look takes its place."""
        self._check_same(values)
        runs.delete(values[self.run])
        ledger.forget_ledgers()
        return {self.run: run_choice(runs.default_run()), **self.hide()}

    def hide(self) -> Updates:
        return self._only(None)

    def _only(self, shown: gr.Row | None) -> Updates:
        rows = (self.rename_row, self.delete_row)
        return {row: gr.update(visible=row is shown) for row in rows}

    def _check_same(self, values: Values) -> None:
        """Raises EngineError where another run was chosen since the question was put."""
        run, subject = values[self.run], values[self.subject]
        runs.check_changeable(run)
        if run != subject:
            raise EngineError(
                f"The question was about {subject or 'no run'}, and {run} is chosen now. "
                "Press again."
            )


def buttons() -> tuple[gr.Button, gr.Button]:
    """Those that put the questions; they stand among the bar's."""
    return small_button("Rename", "rename"), small_button("Delete", "delete")


def small_button(label: str, elem_id: str) -> gr.Button:
    """One of the bar's, out of sight until a run is shown for which it does something."""
    return gr.Button(label, elem_id=elem_id, size="sm", min_width=100, visible=False)


def build(run: gr.Dropdown, rename: gr.Button, delete: gr.Button) -> None:
    """The questions and their answers; they go out of sight whenever another run is chosen."""
    with gr.Row(visible=False, elem_classes="bar") as rename_row:
        name = parts.short_text("", "The run's new name", "new-name", min_width=180)
        rename_it = parts.narrow_button("Rename it", "rename-it", 140, variant="primary")
        leave_it = parts.narrow_button("Leave it", "leave-name")
    with gr.Row(visible=False, elem_classes="bar") as delete_row:
        question = gr.HTML(elem_id="upkeep-question")
        delete_it = parts.narrow_button("Delete for good", "delete-it", 160, variant="stop")
        keep_it = parts.narrow_button("Keep it", "keep-run")
    about = parts.state("", "about-run")
    menu = RunMenu(run, rename_row, name, delete_row, question, about)
    rows: list[Any] = [rename_row, delete_row]
    rename.click(menu.ask_name, {run}, [*rows, name, about], **QUEUED)
    delete.click(menu.ask_to_delete, {run}, [*rows, question, about], **QUEUED)
    renaming = [name.submit, rename_it.click]
    gr.on(renaming, menu.rename, {run, about, name}, [run, *rows], **QUEUED)
    delete_it.click(menu.delete, {run, about}, [run, *rows], **QUEUED)
    gr.on([leave_it.click, keep_it.click, run.change], menu.hide, None, rows, **QUEUED)


def _inventory(run: str) -> str:
    """What is lost with a run."""
    held = contents.summary(runs.open_store(run))
    return (
        f"{held.prompts:,} prompts, {held.pictures:,} pictures, {len(held.experts)} experts, "
        f"{len(held.merges)} merges, its scores and its votes"
    )
