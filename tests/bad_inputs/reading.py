"""What a reader made of a bad input: taken, or refused in a sentence; all else is a fault."""

import re
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import gradio as gr

from engine.core.errors import EngineError

SECONDS = 60
"""Far more than any reader takes, on a machine that is busy."""
REMEDY = re.compile(
    r"\b(Delete|Correct|Give|Choose|Name|Write|Set|Run|Use|Make|Move|End|Paint|Train|Add|Fetch|"
    r"Save|Keep|Take|Convert|Export|Put|Replace|"
    r"Raise|Lower|Leave|Start|Wait|Check|Judge|delete|choose|name|fill|change)\b"
)


@contextmanager
def in_time() -> Iterator[None]:
    """Raises TimeoutError in whatever hangs."""

    def over(number: int, frame: object) -> None:
        raise TimeoutError(f"no answer in {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, over)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def outcome(read: Callable[[], Any], named: str = "", longest: int = 1500) -> tuple[str, str]:
    """("taken" | "refused" | "fault", what was said). `named` is what a refusal has to name."""
    try:
        with in_time():
            drawable(read())
    except (EngineError, gr.Error) as error:
        said = str(error)
        wanting = [] if REMEDY.search(said) else ["no remedy"]
        wanting += [f"does not name {named}"] if named not in said else []
        wanting += ["too long"] if len(said) > longest else []
        return ("fault", f"{', '.join(wanting)}: {said[:600]}") if wanting else ("refused", said)
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return "fault", traceback.format_exc()[-900:]
    return "taken", ""


def drawable(values: Any) -> None:
    """Raises where a page could not send what a reader returned."""
    for value in values if isinstance(values, list | tuple) else [values]:
        if isinstance(value, str):
            value.encode()
        if isinstance(value, gr.Plot) and value.value is not None:
            assert value.value["plot"]
        if isinstance(value, dict):
            repr(value).encode()
