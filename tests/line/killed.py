"""The command line in a process that kills itself, at a write or at a moment; forked from one that is warm."""
import multiprocessing
import os
import signal
import threading
from dataclasses import dataclass
from pathlib import Path

import torch

import engine.evaluate.passes  # noqa: F401 - what every process would import first
import engine.experts.session  # noqa: F401
import engine.images.painting  # noqa: F401
from engine import cli as command
from engine.core import store

KILLED = -signal.SIGKILL


@dataclass(frozen=True)
class Kill:
    """Where a process ends: at its so-manieth write below a folder of the run, or after some seconds."""

    folder: str = ""
    write: int = 0
    half_way: bool = False
    """With half of the bytes written, rather than right behind the write."""
    seconds: float = 0.0


def run(arguments: list[str], kill: Kill | None) -> int:
    """The exit code; `KILLED` where it was."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=_work, args=(arguments, kill))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _work(arguments: list[str], kill: Kill | None) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    torch.set_num_threads(1)  # tiny models gain nothing by more, and a busy machine loses much
    if kill and kill.write:
        _kill_at_a_write(kill)
    if kill and kill.seconds:
        threading.Thread(target=_kill_later, args=(kill.seconds,), daemon=True).start()
    os._exit(command.main(arguments))


def _kill_at_a_write(kill: Kill) -> None:
    replace, written = os.replace, []

    def watched(source: str | Path, target: str | Path) -> None:
        written.extend([target] * (kill.folder in Path(target).parts))
        if len(written) < kill.write:
            return replace(source, target)
        if kill.half_way:
            os.truncate(source, os.path.getsize(source) // 2)
        else:
            replace(source, target)
        _end()

    store.os.replace = watched  # type: ignore[attr-defined]


def _kill_later(seconds: float) -> None:
    threading.Event().wait(seconds)
    _end()


def _end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)
