"""The page's frame: whatever goes wrong behind a button is said to the person who pressed it.

Gradio 6.31's page shows an error only if it came through the queue and says `visible`, and heads it
"Error" whatever title it was given. So every listener that a person triggers is queued
(`QUEUED`), what it raises is turned into a sentence here, once for all, and the heading is part
of the message.
"""

from html import escape
from typing import Any

import gradio as gr

from engine.core.errors import EngineError

HEADING = "This did not work"


class Refusal(gr.Error):
    """A sentence for the reader as safe HTML, since it may quote what was typed; stays until
    closed.
    """

    def __init__(self, sentence: str, print_exception: bool = False) -> None:
        text = f"<b>{HEADING}</b><br>{escape(sentence)}"
        super().__init__(text, duration=None, title=HEADING, print_exception=print_exception)


class Studio(gr.Blocks):
    """Blocks whose every error reaches the reader: a refusal, a value that is not taken, a bug."""

    async def process_api(self, *arguments: Any, **named: Any) -> dict[str, Any]:
        """As Gradio's, which answers one call of one listener. Raises Refusal and nothing else."""
        try:
            return await super().process_api(*arguments, **named)
        except Exception as error:
            raise refusal_of(error) from error


def refusal_of(error: Exception) -> Refusal:
    """What the reader is told of an error; a bug's traceback goes to the server's log."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, gr.Error):  # Gradio's own, of a value that its component does not take
        sentence = str(error.message).rstrip(".")
        return Refusal(f"{sentence}. Choose another value.")
    return Refusal(sentence_of(error), print_exception=not isinstance(error, EngineError))


def sentence_of(error: Exception) -> str:
    """An EngineError's own; of anything else what it is, and what to do."""
    if isinstance(error, EngineError):
        return str(error)
    return (
        f"The app itself failed here ({type(error).__name__}: {error}). Reload the page and try "
        "again. If it comes back, the server's log says where; what is on disk is as it was."
    )
