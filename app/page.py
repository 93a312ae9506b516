"""What a tab gives to the shell, and how an error reaches the reader."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

import gradio as gr
from gradio.components import Component

from app import access
from app.forms import form
from app.refusals import Refusal
from engine import jobs, runs
from engine.core import config
from engine.core.errors import EngineError


@dataclass(frozen=True)
class Page:
    """A built tab. The shell calls `show` when the tab is opened, the run changes, or its job has
    moved on.
    """

    inputs: Sequence[Component]
    outputs: Sequence[Component]
    show: Callable[..., Sequence[Any]]
    """(run, *inputs) -> a value for each output."""
    opened: Callable[[str], None] = field(default=lambda run: None)
    """Called with the run when the tab is opened, before `show`."""
    unseen: Sequence[Component] = ()
    """Components of the tab that show nothing and are there from the first: what is in a tab is
    made only when it is opened, and what the browser keeps would be read after it was asked for."""


FIRST_STAGE = "prompts"
QUIET: dict[str, Any] = {
    "queue": True,
    "concurrency_limit": None,
    "show_progress": "hidden",
    "api_visibility": "private",
}
"""For listeners that a person triggers and that answer at once. Unqueued ones cannot show an error.
"""
UNQUEUED: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
"""For what the page does by itself, and which tells its errors in the page."""


def choices(
    known: Sequence[str], kept: Sequence[str], sent: Sequence[str] | None
) -> dict[str, Any]:
    """A multiselect's choices, and its value only where that is not what the page has sent.

    A drawing takes a moment, and would else undo what somebody has chosen meanwhile.
    """
    if list(kept) == list(sent or ()):
        return gr.update(choices=list(known))
    return gr.update(choices=list(known), value=list(kept))


def plot(figure: Any) -> gr.Plot:
    """A figure, or nothing at all rather than an empty frame."""
    return gr.Plot(figure, visible=figure is not None)


@contextmanager
def told() -> Iterator[None]:
    """Show an EngineError's sentence to the reader; it may quote them, and Gradio takes HTML.

    A context and a decorator: of a button's handlers, and of listeners that only draw.
    """
    try:
        yield
    except EngineError as error:
        raise Refusal(str(error)) from error


def start(
    stage: str, run: str, wanted: type, check: Callable[[Any], object], **options: Any
) -> dict[str, Any]:
    """Start a stage with a form's values as its Config; returns the choice of runs, set to the one
    that works.

    `check` is what the stage itself would first refuse. The example is copied before its copy is
    worked on. Raises EngineError with the remedy, and then no run is made.
    """
    access.check()
    asked: Any = config.build(wanted, options, where=stage)
    form.check(asked)
    if run == runs.NEW and stage != FIRST_STAGE:
        raise EngineError(
            "A new run is still empty, and begins with prompts. Write them first, or choose "
            "another run."
        )
    check(asked)
    with jobs.turn(), runs.to_work_on(run) as own:
        jobs.begin(stage, asdict(asked), runs.folder(own))
    return chosen(own)


def chosen(run: str) -> dict[str, Any]:
    """The choice of runs, set to one."""
    return gr.update(choices=runs.listed(run), value=run)
