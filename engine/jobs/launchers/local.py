"""A process of this machine, which outlives the terminal and the server that started it."""

import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import psutil

from engine.jobs import record
from engine.jobs.folders import ROOT

LAST_WAIT_SECONDS = 5
NEW_GROUP_ON_WINDOWS = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)


def start(command: list[str], job: Path) -> None:
    """As `Launcher` says."""
    with open(job / record.LOG, "wb") as log:
        child = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            creationflags=NEW_GROUP_ON_WINDOWS,
        )
    # somebody must collect the exit code, or the process stays as a zombie
    threading.Thread(target=child.wait, daemon=True).start()
    if not (job / record.PROCESS).exists():  # the child writes it too, but later
        record.write_process(job, child.pid, command)


def alive(job: Path) -> bool:
    """As `Launcher` says."""
    return process(job) is not None


def stop(job: Path, patience_seconds: float) -> None:
    """As `Launcher` says; its children end with it."""
    running = process(job)
    if running is None:
        return
    with suppress(psutil.NoSuchProcess):  # it may end by itself meanwhile
        children = running.children(recursive=True)
        running.terminate()
        psutil.wait_procs([running], timeout=patience_seconds)
        for member in (running, *children):
            _kill(member)
        psutil.wait_procs([running, *children], timeout=LAST_WAIT_SECONDS)


def process(job: Path) -> psutil.Process | None:
    """The job's process, if it lives.

    Its command line names the job's folder, so another program that was given its number is not
    taken for it.
    """
    recorded = record.read_process(job)
    if recorded is None:
        return None
    try:
        candidate = psutil.Process(recorded.pid)
        return candidate if candidate.cmdline() == recorded.command else None
    except (psutil.Error, ValueError, OverflowError):  # gone, or no number of a process
        return None


def _kill(member: psutil.Process) -> None:
    with suppress(psutil.NoSuchProcess):
        member.kill()
