"""One process at a time works in a run folder.

It holds a lock on the disk, which the system lets go of when the process dies.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from engine.core.errors import EngineError
from engine.core.store import writing

FILE_NAME = ".lock"
PATIENCE_SECONDS = 2.0
"""Who only asks whether a lock is held holds it for a moment."""


class Busy(EngineError):
    """Another process, or another thread, holds the lock."""


@contextmanager
def working_in(run: Path) -> Iterator[None]:
    """Hold a run folder's lock; a folder made for it that stays empty is taken away again.

    Raises Busy while another process works there, whoever started it: an app or a command line.
    """
    is_new = not run.exists()
    try:
        with hold(run / FILE_NAME, PATIENCE_SECONDS):
            yield
    finally:
        if is_new:
            with suppress(OSError):  # something was made in it
                run.rmdir()


@contextmanager
def hold(file: Path, patience_seconds: float) -> Iterator[None]:
    """Hold any lock file. Raises Busy when somebody else still has it after a time."""
    lock = FileLock(file, timeout=patience_seconds, on_acquired=_sign)
    with writing(file):
        file.parent.mkdir(parents=True, exist_ok=True)
        is_ours = _acquire(lock)
    if not is_ours:
        raise Busy(
            f"{file.parent} is being worked on by {_holder(file)}. Wait until it is done or stop "
            "it, then start again: what is finished there is kept."
        )
    try:
        yield
    finally:
        with suppress(OSError):  # Windows removes no open file; there filelock does it afterwards
            file.unlink()  # still held: whoever waits for it finds out and makes a new one
        lock.release()


def is_worked_in(run: Path) -> bool:
    """Whether a process that lives holds a run folder's lock."""
    if not (run / FILE_NAME).exists():
        return False
    try:
        with hold(run / FILE_NAME, 0):
            return False
    except Busy:
        return True


def _acquire(lock: FileLock) -> bool:
    try:
        lock.acquire()
    except Timeout:
        return False
    return True


def _sign(descriptor: int) -> None:
    """Leave the process's number in the file, for those who are refused."""
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())


def _holder(file: Path) -> str:
    try:
        number = file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:  # it let go a moment ago, or the system shows a locked file to nobody
        return "another process"
    return f"process {number}" if number.isdecimal() else "another process"
