"""What a stage tells, on the screen and in a job's record."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from engine.core import store
from engine.core.events import Event


def show(events: Iterator[Event], silent: bool = False) -> int:
    """Print a line per event, an error to stderr; a silent process prints its errors alone.

    Returns the exit code.
    """
    kind = ""
    for event in events:
        kind = event.kind
        if kind == "error":
            print(line_of(event), file=sys.stderr, flush=True)
        elif not silent:
            print(line_of(event), flush=True)
    return 0 if kind == "done" else 1


def line_of(event: Event) -> str:
    if not event.total:
        return event.text
    return f"[{event.done}/{event.total}] {event.text}"


def first_line_of(event: Event) -> str:
    """The same without what follows: the whole line's last event ends with a table of scores."""
    return line_of(event).strip().partition("\n")[0]


def record(events: Iterator[Event], file: Path) -> Iterator[Event]:
    """The events, each written down first.

    Raises EngineError where that fails; a follower then sees no last event.
    """
    with store.writing(file):
        record = open(file, "w", encoding="utf-8", buffering=1)  # noqa: SIM115 - closed below
    with record:
        for event in events:
            with store.writing(file):
                record.write(json.dumps(asdict(event), ensure_ascii=False) + "\n")
            yield event
