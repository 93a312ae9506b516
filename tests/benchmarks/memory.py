"""The peak of memory beyond the base, painting and training, each in a process of its own.

On a GPU what torch allocated at most; elsewhere what the process held at most. Libraries, the base and what is prepared
beforehand lie below both, and are taken off: only the pictures' or the steps' own peak counts.
"""
import multiprocessing
import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch

from engine.core.errors import EngineError
from tests.benchmarks import example, sliders, training, worlds
from tests.benchmarks.counts import EXPERTS
from tests.benchmarks.measure import Row, Settings

STEPS = 3
PROCESS = Path("/proc/self")
LIVE, SET_ADAPTERS = "live", "set_adapters"
COMPARED = (("a picture, five experts", LIVE, SET_ADAPTERS), ("training", training.TOGETHER, training.CACHED),
            ("training", training.IN_TURN, training.CACHED), ("training", training.IN_TURN, training.EXAMPLE))


def rows(settings: Settings) -> Iterator[Row]:
    """Five experts together beside one of theirs, and one of ours beside one of theirs."""
    worlds.folder_of(settings.size)  # written once, here: the processes find it
    compared = COMPARED[:2] if settings.quick else COMPARED
    peaks = {name: _alone(name, settings) for name in dict.fromkeys(name for _, *names in compared for name in names)}
    for what, name, peer in compared:
        ratio = round(peaks[name] / peaks[peer], 3)
        yield Row(f"peak memory of {what}: {name} / {peer}", peaks[name], peaks[peer], ratio, "ours / peer", "", 1,
                  (ratio, ratio), "bytes")


def _alone(name: str, settings: Settings) -> int:
    process = multiprocessing.get_context("spawn").Pool(1)
    try:
        return process.apply(peak_bytes, (name, settings))
    finally:
        process.close()
        process.join()


def peak_bytes(name: str, settings: Settings) -> int:
    """Beyond what this process held before."""
    with TemporaryDirectory() as scratch:
        work = _prepared(name, settings, Path(scratch))
        before = _held(settings)
        work()
        return max(1, _peak(settings) - before)


def _prepared(name: str, settings: Settings, scratch: Path) -> Callable[[], Any]:
    """What is measured, with everything opened. In turn, and in their loops, one expert is there at a time."""
    if name == LIVE:
        return sliders.Ours(settings, EXPERTS).live
    if name == SET_ADAPTERS:
        return sliders.Theirs(settings, EXPERTS).set_adapters
    painter, size = worlds.painter(settings), training.BATCH_SIZES[settings.size]
    data = training.data_of(scratch, settings, STEPS * size)
    first = next(iter(data))
    if name in training.LOOPS:
        steps = example.train(painter, (data[first].files, data[first].captions), STEPS, size, training.LOOPS[name])
        return lambda: list(islice(steps, STEPS))
    ours = training.Ours(painter, data if name == training.TOGETHER else {first: data[first]}, STEPS, size, True)
    return lambda: [ours.step(ours.groups[0]) for _ in range(STEPS)]


def _held(settings: Settings) -> int:
    """Now; from here on the peak is counted anew."""
    if settings.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        return torch.cuda.memory_allocated()
    try:
        (PROCESS / "clear_refs").write_text("5")
    except OSError as error:
        raise EngineError(f"The peak of a process is counted by {PROCESS}, which Linux alone has ({error}). Measure "
                          "there.") from error
    return _status("VmRSS")


def _peak(settings: Settings) -> int:
    return torch.cuda.max_memory_allocated() if settings.device == "cuda" else _status("VmHWM")


def _status(what: str) -> int:
    return 1024 * int(re.findall(rf"{what}:\s+(\d+) kB", (PROCESS / "status").read_text())[0])
