"""A run gets another name, or goes for good: two small buttons, and a question before anything is
lost.
"""

from typing import Any

import gradio as gr

from app import access
from app.page import QUIET, told
from app.show import markup
from app.tabs import vote
from engine import runs
from engine.core.errors import EngineError
from engine.runs import contents


def buttons() -> tuple[gr.Button, gr.Button]:
    """Those that ask; they stand among the bar's."""
    return (
        gr.Button("Rename", size="sm", elem_id="rename", min_width=100),
        gr.Button("Delete", size="sm", elem_id="delete", min_width=100),
    )


def wire(run: gr.Dropdown, rename: gr.Button, delete: gr.Button) -> None:
    """The two questions below the bar, out of sight until they are asked and whenever another run
    is chosen.
    """
    with gr.Row(visible=False, elem_classes="bar") as naming:
        name = gr.Textbox(
            label="The run's new name", max_lines=1, min_width=180, elem_id="new-name"
        )
        renamed = gr.Button(
            "Rename it", variant="primary", min_width=140, scale=0, elem_id="rename-it"
        )
        as_it_is = gr.Button("Leave it", min_width=120, scale=0, elem_id="leave-name")
    with gr.Row(visible=False, elem_classes="bar") as parting:
        question = gr.HTML(elem_id="upkeep-question")
        deleted = gr.Button(
            "Delete for good", variant="stop", min_width=160, scale=0, elem_id="delete-it"
        )
        kept = gr.Button("Keep it", min_width=120, scale=0, elem_id="keep-run")
    about = gr.State("")
    rows: list[Any] = [naming, parting]
    rename.click(ask_name, run, [*rows, name, about], **QUIET)
    delete.click(ask_to_delete, run, [*rows, question, about], **QUIET)
    gr.on([name.submit, renamed.click], change_name, [run, about, name], [run, *rows], **QUIET)
    deleted.click(remove, [run, about], [run, *rows], **QUIET)
    gr.on([as_it_is.click, kept.click, run.change], neither, None, rows, **QUIET)


@told()
@access.only
def ask_name(run: str) -> list[Any]:
    runs.check_changeable(run)
    return [*_rows(naming=True), run, run]


@told()
@access.only
def ask_to_delete(run: str) -> list[Any]:
    runs.check_changeable(run)
    found = contents.summary(runs.open_store(run))
    held = (
        f"{found.prompts:,} prompts, {found.pictures:,} pictures, {len(found.experts)} experts, "
        f"{len(found.merges)} merges, its scores and its votes"
    )
    return [*_rows(parting=True), markup.aside(f"Delete {run} for good? With it go {held}."), run]


@told()
@access.only
def change_name(run: str, about: str, name: str) -> list[Any]:
    """The run that was asked about, under another name."""
    _check_same(run, about)
    runs.rename(run, name.strip())
    vote.forget_ledgers()
    return [gr.update(choices=runs.listed(name.strip()), value=name.strip()), *_rows()]


@told()
@access.only
def remove(run: str, about: str) -> list[Any]:
    """The run that was asked about is gone; the usual first look takes its place."""
    _check_same(run, about)
    runs.delete(run)
    vote.forget_ledgers()
    return [gr.update(choices=runs.listed(), value=runs.first_shown()), *_rows()]


def neither() -> list[Any]:
    return _rows()


def _check_same(run: str, about: str) -> None:
    """Raises EngineError where another run was chosen since the question was asked."""
    runs.check_changeable(run)
    if run != about:
        raise EngineError(
            f"The question was about {about or 'no run'}, and {run} is chosen now. Press again."
        )


def _rows(naming: bool = False, parting: bool = False) -> list[Any]:
    return [gr.update(visible=naming), gr.update(visible=parting)]
