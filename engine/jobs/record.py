"""What a job's folder says. Everything known about a job is read from there.

config.json     what it is to do: the run's folder, the stage's options, who launches it
process.json    its process: the number and the command line
events.jsonl    its events; the process itself writes the last one: done, error or stopped
log.txt         what it printed, read when it died without a last event
"""

import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.core import store
from engine.core.config import build
from engine.core.errors import EngineError
from engine.core.events import LAST_KINDS, Event

CONFIG, PROCESS, EVENTS, LOG = "config.json", "process.json", "events.jsonl", "log.txt"
LAUNCHER = "local"
"""Who launched the jobs whose config.json names nobody."""
LOG_TAIL_CHARACTERS = 600
TAIL_BYTES = 2**16
LEAST_FREE_BYTES = 2**20
DAMAGED = "A line of this job's record is damaged."


@dataclass(frozen=True)
class Request:
    """What config.json holds."""

    store: str
    """The run's folder."""
    config: dict[str, Any] = field(default_factory=dict)
    """The stage's options."""
    launcher: str = LAUNCHER


@dataclass(frozen=True)
class Process:
    """What process.json holds."""

    pid: int
    command: list[str]


def write_request(job: Path, request: Request) -> None:
    content = {"store": request.store, "config": request.config}
    if request.launcher != LAUNCHER:
        content["launcher"] = request.launcher
    store.write_json(job / CONFIG, content)


def read_request(job: Path) -> Request:
    """Raises EngineError for a config.json that is missing or damaged."""
    file = job / CONFIG
    return build(Request, store.read_json(file), where=str(file))


def read_options(job: Path) -> dict[str, Any]:
    """The stage's options alone, also of a config.json that says nothing else.

    Raises EngineError for a damaged one.
    """
    return store.read_object(job / CONFIG, config=dict | None)["config"] or {}


def launcher_of(job: Path) -> str:
    """Who launched the job. A config.json that a crash damaged says nothing, like an old one."""
    try:
        return read_request(job).launcher
    except EngineError:
        return LAUNCHER


def write_process(job: Path, pid: int, command: list[str]) -> None:
    store.write_json(job / PROCESS, {"pid": pid, "command": command})


def read_process(job: Path) -> Process | None:
    """None before the process has begun, and for a file that names no process."""
    file = job / PROCESS
    if not file.exists():
        return None
    try:
        return build(Process, store.read_json(file), str(file))
    except (EngineError, ValueError, OverflowError):
        return None


def read_events(job: Path, offset: int = 0) -> tuple[list[Event], int]:
    """The events from a byte offset on, and the offset after them.

    A line half written is left for later.
    """
    file = job / EVENTS
    if not file.is_file():
        return [], offset
    with open(file, "rb") as record:
        record.seek(offset)
        content = record.read()
    end = content.rfind(b"\n") + 1
    lines = content[:end].split(b"\n")[:-1]
    return list(map(_event, lines)), offset + end


def last_event(job: Path) -> Event | None:
    """The last whole line, without reading a long file from its start."""
    file = job / EVENTS
    if not file.is_file():
        return None
    with open(file, "rb") as record:
        size = record.seek(0, os.SEEK_END)
        record.seek(max(0, size - TAIL_BYTES))
        lines = record.read().split(b"\n")
    is_one_long_event = len(lines) < 3 and size > TAIL_BYTES
    if is_one_long_event:
        lines = file.read_bytes().split(b"\n")
    return _event(lines[-2]) if len(lines) > 1 else None


def is_last(event: Event | None) -> bool:
    return event is not None and event.kind in LAST_KINDS


def end_by_force(job: Path) -> None:
    """Write down that the job was stopped, if it could not do so itself."""
    events, _ = read_events(job)
    if events and is_last(events[-1]):
        return
    text = "Stopped by force. What was finished is kept; start again to go on."
    stopped = Event(text, kind="stopped")
    store.write_records(job / EVENTS, [*events, stopped])


def unexplained_end(job: Path) -> Event:
    """The last event of a job whose process is gone and wrote none, with the end of its log."""
    end_of_log = f"The end of its log: {_log_tail(job)}"
    if shutil.disk_usage(job).free < LEAST_FREE_BYTES:
        text = (
            "The disk is full, and the job ended. Free some space and start it again; "
            "what was finished is kept."
        )
    else:
        text = (
            "The job's process ended without a word: killed, out of memory, or the machine went "
            "down. Start it again; what was finished is kept."
        )
    return Event(f"{text} {end_of_log}", kind="error")


def _log_tail(job: Path) -> str:
    file = job / LOG
    if not file.is_file():
        return "empty."
    log = file.read_bytes()[-TAIL_BYTES:].decode(errors="replace")
    return log[-LOG_TAIL_CHARACTERS:].strip() or "empty."


def _event(line: bytes) -> Event:
    """A line that a crash damaged becomes an event that says so; the others still count."""
    try:
        return build(Event, json.loads(line), "event")
    except (ValueError, RecursionError, EngineError):
        return Event(DAMAGED)
