"""What a job says: its events, and what is made of its end when it could not tell that itself."""

import json
import os
import shutil
from pathlib import Path

from engine.core.config import build
from engine.core.errors import EngineError
from engine.core.events import Event

LOG_TAIL_CHARACTERS = 600
TAIL_BYTES = 2**16
LEAST_FREE_BYTES = 2**20


def read(job: Path, offset: int) -> tuple[list[Event], int]:
    """The events from a byte offset on, and the offset after them. A line half written is left for
    later.
    """
    path = job / "events.jsonl"
    if not path.is_file():
        return [], offset
    with open(path, "rb") as file:
        file.seek(offset)
        text = file.read()
    whole = text[: text.rfind(b"\n") + 1]
    return [_event(line) for line in whole.split(b"\n")[:-1]], offset + len(whole)


def last(job: Path) -> Event | None:
    """The last whole line, without reading a long file from its start."""
    path = job / "events.jsonl"
    if not path.is_file():
        return None
    with open(path, "rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - TAIL_BYTES))
        lines = file.read().split(b"\n")
    if len(lines) < 3 and size > TAIL_BYTES:  # one enormous event
        lines = path.read_bytes().split(b"\n")
    return _event(lines[-2]) if len(lines) > 1 else None


def _event(line: bytes) -> Event:
    """A line of events.jsonl; one that a crash damaged is told as progress, and the others still
    count.
    """
    try:
        return build(Event, json.loads(line), "event")
    except (ValueError, RecursionError, EngineError):
        return Event("A line of this job's record is damaged.")


def unexplained_end(job: Path) -> Event:
    path = job / "log.txt"
    log = path.read_bytes()[-TAIL_BYTES:].decode(errors="replace") if path.is_file() else ""
    end = log[-LOG_TAIL_CHARACTERS:].strip() or "empty."
    if shutil.disk_usage(job).free < LEAST_FREE_BYTES:
        return Event(
            "The disk is full, and the job ended. Free some space and start it again; what was "
            "finished is "
            f"kept. The end of its log: {end}",
            kind="error",
        )
    return Event(
        "The job's process ended without a word: killed, out of memory, or the machine went down. "
        f"Start it again; what was finished is kept. The end of its log: {end}",
        kind="error",
    )
