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
    "around, slide the weights, vote. To do more, run the app on a machine of your own."
)
LARGEST_UPLOAD = "256mb"
NO_UPLOAD = "1b"
MARK = "for_the_owner"
"""An attribute of the handlers that `owner_only` guards."""
Handler = TypeVar("Handler", bound=Callable[..., Any])


def is_public() -> bool:
    """Whether anybody at all may be at the other end."""
    return bool(os.environ.get("SPACE_ID"))


def check() -> None:
    """Raises EngineError where nobody may start or change anything."""
    if is_public():
        raise EngineError(CLOSED)


def owner_only(handler: Handler) -> Handler:
    """For handlers that start or change something: refuses first; `close` finds their buttons."""

    @wraps(handler)
    def guarded(*arguments: Any, **named: Any) -> Any:
        check()
        return handler(*arguments, **named)

    setattr(guarded, MARK, True)
    return guarded  # type: ignore[return-value]


def is_owner_only(handler: Callable | None) -> bool:
    return getattr(handler, MARK, False)


def close(demo: gr.Blocks) -> None:
    """Disable the buttons of all such handlers, so that nobody presses in vain."""
    if not is_public():
        return
    for listener in demo.fns.values():
        if is_owner_only(listener.fn):
            for number, _ in listener.targets:
                button: Any = demo.blocks[number or 0]
                button.interactive = False


def upload_limit() -> str:
    """The largest file that may be sent; where nobody may take files in, none may be sent."""
    return NO_UPLOAD if is_public() else LARGEST_UPLOAD
