"""Run a stage in a process of its own, which outlives the page and the server; follow it by its
files.

`folders` says where a job lies, `record` what its folder tells, `launchers/` how its process
begins and ends. Of all servers on one folder of runs, one job works at a time.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from engine.core import locks, plugins
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.jobs import launchers, record
from engine.jobs.folders import (
    ROOT,
    is_run_name,
    new_job,
    number_of,
    run_folder,
    run_of,
    runs,
    stage_of,
)
from engine.jobs.launchers import Launcher
from engine.jobs.record import Request

__all__ = ["ROOT", "Job", "Request", "is_run_name", "number_of", "run_folder", "runs"]

STARTING = ".starting"
"""The lock that whoever starts a job holds: of several servers on one folder of runs one starts it.
"""
STARTING_SECONDS = 10
RUNNING = "running"


@dataclass(frozen=True)
class Job:
    """A job as its folder tells it; `state` is "running" or the kind of its last event."""

    folder: Path
    run: str
    stage: str
    state: str
    last: Event | None


def start(stage: str, config: dict[str, Any], run: Path) -> Path:
    """Start a stage on a run folder; returns the job's folder.

    Raises EngineError while another job works.
    """
    with turn():
        return begin(stage, config, run)


@contextmanager
def turn() -> Iterator[None]:
    """The time in which a job, and what it needs, is made: of several servers one has it.

    Raises EngineError while a job works.
    """
    with locks.hold(runs() / STARTING, STARTING_SECONDS):
        check_free()
        yield


def begin(stage: str, config: dict[str, Any], run: Path, launcher: str = record.LAUNCHER) -> Path:
    """`start`, for whoever has the turn already."""
    launch = _launcher(launcher).start
    try:
        folder = new_job(stage, run.resolve())
        request = Request(str(run.resolve()), config, launcher)
        record.write_request(folder, request)
        launch(command(stage, folder), folder)
    except OSError as error:
        raise EngineError(
            f"Cannot start {stage}: {error}. Free some space or set SELMA_RUNS to another folder."
        ) from error
    return folder


def check_free() -> None:
    """Raises EngineError while a job works, or a command line does in one of the runs."""
    busy = running_job()
    if busy:
        raise EngineError(
            f"{busy.stage} of run {busy.run!r} is still working, and only one job can at a time. "
            "Wait for it or cancel it, then start again."
        )
    for run in sorted(runs().glob("*")):
        if locks.is_worked_in(run):
            raise EngineError(
                f"A command line is working in run {run.name!r}, and only one job can at a time. "
                "Wait for it or stop it, then start again."
            )


def command(stage: str, folder: Path) -> list[str]:
    """What a launcher has to run."""
    return [sys.executable, "-u", "-m", "engine", stage, str(folder)]


def follow(job: Path, every_seconds: float = 0.2) -> Iterator[Event]:
    """A job's events, old and new, up to its last one. Whoever comes later sees the same.

    When the process is gone without a last event (killed, out of memory, power cut), the last one
    yielded says so, with the end of its log.
    """
    offset = 0
    while True:
        is_gone = not alive(job)  # looked up before reading: its last words are in the file by then
        events, offset = record.read_events(job, offset)
        for event in events:
            yield event
            if record.is_last(event):
                return
        if is_gone:
            yield record.unexplained_end(job)
            return
        time.sleep(every_seconds)


def cancel(job: Path, patience_seconds: float = 20) -> None:
    """Ask the job to stop, which saves its work; if it does not in time, end it by force."""
    launcher = _launcher(record.launcher_of(job))
    if launcher.alive(job):
        launcher.stop(job, patience_seconds)
        record.end_by_force(job)


def alive(job: Path) -> bool:
    """Whether the job's process is there."""
    return _launcher(record.launcher_of(job)).alive(job)


def all_jobs(folder: Path | None = None) -> list[Job]:
    """The jobs of every run below the runs folder, the newest first."""
    configs = (folder or runs()).glob(f"*/jobs/*/{record.CONFIG}")
    newest_first = sorted(configs, key=_changed_at, reverse=True)
    return [describe(config.parent) for config in newest_first]


def running_job() -> Job | None:
    """The job that works, or None."""
    for job in all_jobs():
        if job.state == RUNNING:
            return job
    return None


def describe(job: Path) -> Job:
    """A job as its folder tells it now."""
    last = record.last_event(job)
    if not record.is_last(last) and not _is_starting(job) and not alive(job):
        last = record.last_event(job)  # it may have ended between the two looks
        if not record.is_last(last):
            last = record.unexplained_end(job)
    state = last.kind if last and record.is_last(last) else RUNNING
    return Job(job, run_of(job), stage_of(job), state, last)


def _launcher(name: str) -> Launcher:
    return cast(Launcher, plugins.load(launchers, name))


def _is_starting(job: Path) -> bool:
    """Whether it was made a moment ago and has no process yet."""
    config = job / record.CONFIG
    if (job / record.PROCESS).exists() or not config.exists():
        return False
    return time.time() - config.stat().st_mtime < STARTING_SECONDS


def _changed_at(file: Path) -> int:
    return file.stat().st_mtime_ns
