"""Who may change things. An app in the open has no owner to ask: there, everybody looks and votes.

On a Space (`SPACE_ID` is set) nobody can be told from anybody, so starting, cancelling, going on,
replacing, renaming, deleting, taking files in and naming models are off, in the handlers and not in
the page alone. Looking, painting side by side and voting stay.
"""

import os
from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import gradio as gr

from engine.core.errors import EngineError

CLOSED = (
    "This copy is open to everybody, so nothing can be started, changed or taken in here: look "
    "around, slide "
    "the weights, vote. To do more, run the app on a machine of your own."
)
LARGEST_UPLOAD = "256mb"
Handler = TypeVar("Handler", bound=Callable[..., Any])


def is_absent() -> bool:
    """Whether anybody at all may be at the other end."""
    return bool(os.environ.get("SPACE_ID"))


def check() -> None:
    """Raises EngineError where nobody may start or change anything."""
    if is_absent():
        raise EngineError(CLOSED)


def only(handler: Handler) -> Handler:
    """For handlers that start or change something: refuses first, and `close` finds their buttons."""

    @wraps(handler)
    def guarded(*given: Any, **named: Any) -> Any:
        check()
        return handler(*given, **named)

    guarded.for_the_owner = True  # type: ignore[attr-defined]
    return guarded  # type: ignore[return-value]


def close(demo: gr.Blocks) -> None:
    """Disable the buttons of all such handlers, so that nobody presses in vain."""
    if not is_absent():
        return
    for listener in demo.fns.values():
        if getattr(listener.fn, "for_the_owner", False):
            for number, _ in listener.targets:
                demo.blocks[number or 0].interactive = False  # type: ignore[union-attr]


def upload_limit() -> str:
    """The largest file that may be sent; where nobody may take files in, none may be sent at all."""
    return "1b" if is_absent() else LARGEST_UPLOAD
