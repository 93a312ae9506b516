"""The page's frame: whatever goes wrong behind a button is said to the person who pressed it.

Gradio 6.31's page shows an error only if it came through the queue and says `visible`, and heads it
"Error" whatever title it was given. So every listener that a person triggers is queued
(`QUEUED`), what it raises is turned into a sentence here, once for all, and the heading is part
of the message.
"""

import json
from html import escape
from typing import Any

import gradio as gr

from engine.core.errors import EngineError

HEADING = "This did not work"
LEAST_SECONDS, LETTERS_PER_SECOND = 12, 12
"""How long a sentence stays by itself: long enough for a slow reader, who may rest on it."""
SCRIPT = f"""<script>
(() => {{
  const heading = {json.dumps(HEADING)};
  const toasts = () => [...document.querySelectorAll("[data-testid=toast-body]")]
    .filter(toast => toast.textContent.includes(heading));
  const close = () => toasts().forEach(
    toast => toast.querySelector("[data-testid=toast-close]").click());
  let ending;
  const closeWhenRead = () => {{
    clearTimeout(ending);
    const letters = toasts().reduce((sum, toast) => sum + toast.textContent.length, 0);
    const seconds = Math.max({LEAST_SECONDS}, letters / {LETTERS_PER_SECOND});
    ending = setTimeout(() => {{
      if (toasts().some(toast => toast.matches(":hover"))) closeWhenRead(); else close();
    }}, 1000 * seconds);
  }};
  const holdsText = node => node.querySelector?.("[data-testid=toast-text]");
  new MutationObserver(changes => {{
    if (changes.some(change => [...change.addedNodes].some(holdsText))) closeWhenRead();
  }}).observe(document, {{childList: true, subtree: true}});
  document.addEventListener("click", press => {{
    if (press.target.closest("button[id]:not([role=tab])")) close();
  }}, true);
  document.addEventListener("keydown", press => {{
    const submits = press.target.closest("input:not([role=listbox]), textarea");
    if (press.key === "Enter" && submits) close();
  }}, true);
}})();
</script>"""
"""A refusal goes with the next press of a button, or of Enter in a text, or when it was read. A tab
or an accordion is no such press: what the sentence asks for may stand there.

Gradio 6.31 has a timer, too, but only the first of several messages starts it, and at its end all
go, the newest unread."""


class Refusal(gr.Error):
    """A sentence for the reader as safe HTML, since it may quote what was typed. `SCRIPT` takes it
    away.
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
