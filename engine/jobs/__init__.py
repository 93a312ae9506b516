"""Run a stage in a process of its own, which outlives the page and the server; follow it by its
files.

A job is a folder, `runs/<run>/jobs/<number>-<stage>/`, and everything known about it is read from
there:

    config.json    what was asked for process.json   the process: its number and command line
    events.jsonl   its events; the process itself writes the last one, whether it is done, fails or
    is stopped log.txt        what it printed, read when it died without a last event
"""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from engine.core import locks, store
from engine.core.config import build
from engine.core.errors import EngineError
from engine.core.events import LAST_KINDS, Event
from engine.jobs import endings

ROOT = Path(__file__).parents[2]
STARTING = ".starting"
"""The lock that whoever starts a job holds: of several servers on one folder of runs one starts it.
"""
STARTING_SECONDS = 10


@dataclass(frozen=True)
class Process:
    """What process.json holds."""

    pid: int
    command: list[str]


@dataclass(frozen=True)
class Job:
    """A job as its folder tells it; `state` is "running" or the kind of its last event."""

    folder: Path
    run: str
    stage: str
    state: str
    last: Event | None


def runs() -> Path:
    """The folder of all runs: SELMA_RUNS, or `runs/` beside app.py."""
    return Path(os.environ.get("SELMA_RUNS", ROOT / "runs")).resolve()


def run_folder(name: str) -> Path:
    """Raises EngineError for a name that could lead out of the runs folder."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", name):
        raise EngineError(
            f"{name[:80]!r} cannot name a run. Use letters, digits, dashes; 64 at most."
        )
    return runs() / name


def start(stage: str, config: dict[str, Any], run: Path) -> Path:
    """Start a stage on a run folder; returns the job's folder. Raises EngineError while another job
    works.
    """
    with turn():
        return begin(stage, config, run)


@contextmanager
def turn() -> Iterator[None]:
    """The time in which a job is started, and what it needs made: of several servers one has it.

    Raises EngineError while a job works.
    """
    with locks.held(runs() / STARTING, STARTING_SECONDS):
        check_free()
        yield


def begin(stage: str, config: dict[str, Any], run: Path) -> Path:
    """`start`, for whoever has the turn already."""
    try:
        folder = _new_folder(stage, run.resolve())
        store.write_json(folder / "config.json", {"store": str(run.resolve()), "config": config})
        child = _spawn(command(stage, folder), folder / "log.txt")
    except OSError as error:
        raise EngineError(
            f"Cannot start {stage}: {error}. Free some space or set SELMA_RUNS to another folder."
        ) from error
    if not (folder / "process.json").exists():  # the child writes it too, but later
        store.write_json(
            folder / "process.json", {"pid": child.pid, "command": command(stage, folder)}
        )
    return folder


def check_free() -> None:
    """Raises EngineError while a job works, or a command line does in one of the runs."""
    if busy := running():
        raise EngineError(
            f"{busy.stage} of run {busy.run!r} is still working, and only one job can at a time. "
            "Wait for it or cancel it, then start again."
        )
    if worked_in := next(
        (run for run in sorted(runs().glob("*")) if locks.is_worked_in(run)), None
    ):
        raise EngineError(
            f"A command line is working in run {worked_in.name!r}, and only one job can at a time. "
            "Wait for it or stop it, then start again."
        )


def command(stage: str, folder: Path) -> list[str]:
    return [sys.executable, "-u", "-m", "engine", stage, str(folder)]


def follow(job: Path, every_seconds: float = 0.2) -> Iterator[Event]:
    """A job's events, old and new, up to its last one; a reloaded page or a new server calls this
    again.

    When the process is gone without a last event (killed, out of memory, power cut), the last one
    yielded says so, with the end of its log.
    """
    offset = 0
    while True:
        gone = (
            process(job) is None
        )  # asked before reading, so that its last words are in the file by then
        events, offset = endings.read(job, offset)
        for event in events:
            yield event
            if event.kind in LAST_KINDS:
                return
        if gone:
            yield endings.unexplained_end(job)
            return
        time.sleep(every_seconds)


def cancel(job: Path, patience_seconds: float = 20) -> None:
    """Ask the job to stop, which saves its work; if it does not in time, end it and its children by
    force.
    """
    found = process(job)
    if found is None:
        return
    with suppress(psutil.NoSuchProcess):
        family = [found, *found.children(recursive=True)]
        found.terminate()
        psutil.wait_procs(family[:1], timeout=patience_seconds)
        for member in family:
            with suppress(psutil.NoSuchProcess):
                member.kill()
        psutil.wait_procs(family, timeout=5)
    events, _ = endings.read(job, 0)
    if not events or events[-1].kind not in LAST_KINDS:
        stopped = Event(
            "Stopped by force. What was finished is kept; start again to go on.", kind="stopped"
        )
        store.write_records(job / "events.jsonl", [*events, stopped])


def listed(folder: Path | None = None) -> list[Job]:
    """The jobs of every run below the runs folder, the newest first."""
    configs = (folder or runs()).glob("*/jobs/*/config.json")
    newest_first = sorted(configs, key=lambda path: path.stat().st_mtime_ns, reverse=True)
    return [describe(path.parent) for path in newest_first]


def running() -> Job | None:
    return next((job for job in listed() if job.state == "running"), None)


def describe(job: Path) -> Job:
    last = endings.last(job)
    if (
        (last is None or last.kind not in LAST_KINDS)
        and process(job) is None
        and not _is_starting(job)
    ):
        last = endings.last(job)  # it may have ended between the two looks
        if last is None or last.kind not in LAST_KINDS:
            last = endings.unexplained_end(job)
    state = last.kind if last and last.kind in LAST_KINDS else "running"
    return Job(job, job.parent.parent.name, job.name.partition("-")[2], state, last)


def process(job: Path) -> psutil.Process | None:
    """The job's process, if it lives.

    Its command line names the job's folder, so another program that was given its number is not
    taken for it.
    """
    path = job / "process.json"
    if not path.exists():
        return None
    try:
        recorded = build(Process, store.read_json(path), str(path))
        found = psutil.Process(recorded.pid)
        return found if found.cmdline() == recorded.command else None
    except (
        psutil.Error,
        EngineError,
        ValueError,
        OverflowError,
    ):  # gone, or a file that names no process
        return None


def _is_starting(job: Path) -> bool:
    """Whether it was asked for a moment ago and has no process yet."""
    config = job / "config.json"
    return (
        not (job / "process.json").exists()
        and config.exists()
        and (time.time() - config.stat().st_mtime < STARTING_SECONDS)
    )


def _new_folder(stage: str, run: Path) -> Path:
    (run / "jobs").mkdir(parents=True, exist_ok=True)
    taken = [number_of(job) for job in (run / "jobs").glob("[0-9]*-*")]
    number = max(taken, default=0) + 1
    folder = run / "jobs" / f"{number:04}-{stage}"
    folder.mkdir()
    return folder


def number_of(job: Path) -> int:
    """12 of `0012-merge`; 0 for a folder that is no job's."""
    number = job.name.partition("-")[0]
    return int(number) if number.isdecimal() else 0


def _spawn(arguments: list[str], log_path: Path) -> subprocess.Popen:
    """A process that neither a closed terminal nor the end of this server takes with it."""
    with open(log_path, "wb") as log:
        child = subprocess.Popen(
            arguments,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
    threading.Thread(
        target=child.wait, daemon=True
    ).start()  # collects the exit code: no zombie is left
    return child
