"""Who may change things. An app in the open has no owner to ask: there, everybody looks and votes.

On a Space (`SPACE_ID` is set) nobody can be told from anybody, so starting, cancelling, going on,
replacing, renaming, deleting, taking files in and naming models are off, in the handlers and not in
the page alone; the forms for it can be read and not be filled in. Looking, painting side by side
and voting stay.
"""

import os
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, TypeVar

import gradio as gr
from gradio.blocks import Block
from gradio.components import FormComponent

from app.show import markup
from engine.core.errors import EngineError

CLOSED = (
    "This copy is open to everybody, so nothing can be started, changed or taken in here: look "
    "around, slide the weights, vote. To do more, run the app on a machine of your own."
)
READ_ONLY = (
    "Read only, since this copy is open to everybody, as any Space is. To start something, run the "
    "app on a machine of your own."
)
"""What stands where a form is started."""
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


def note() -> None:
    """Below a button that only an owner may press: why nobody can, where that is so."""
    if is_public():
        gr.HTML(markup.aside(READ_ONLY), elem_classes="read-only")


def close(demo: gr.Blocks) -> None:
    """Disable the buttons of all such handlers and the fields that nothing else reads, so that
    nobody presses or fills in anything in vain.
    """
    if not is_public():
        return
    read_by_owner: set[Block] = set()
    read_by_visitors: set[Block] = set()
    for listener in demo.fns.values():
        if is_owner_only(listener.fn):
            read_by_owner.update(listener.inputs)
            _disable(demo.blocks[number or 0] for number, _ in listener.targets)
        elif listener.fn:
            read_by_visitors.update(listener.inputs)
    _disable(read_by_owner - read_by_visitors)


def _disable(blocks: Iterable[Block]) -> None:
    for block in blocks:
        if isinstance(block, FormComponent | gr.Button):
            block.interactive = False


def upload_limit() -> str:
    """The largest file that may be sent; where nobody may take files in, none may be sent."""
    return NO_UPLOAD if is_public() else LARGEST_UPLOAD
