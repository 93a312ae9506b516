"""The peak of memory beyond the base, painting and training, each in a process of its own.

On a GPU what torch allocated at most; elsewhere what the process held at most. Libraries and the base lie below both
and are taken off; experts, latents, moments and activations count.
"""
import multiprocessing
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from engine.core.errors import EngineError
from engine.models.diffusion import Painter
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
    compared = COMPARED[1:2] if settings.quick else COMPARED
    peaks = {name: _alone(name, settings) for name in dict.fromkeys(name for _, *names in compared for name in names)}
    for what, name, peer in compared:
        ratio = round(peaks[name] / peaks[peer], 3)
        yield Row(f"peak memory of {what}: {name} / {peer}", round(peaks[name] / 1e6, 1), round(peaks[peer] / 1e6, 1),
                  ratio, "ours / peer", "", 1, (ratio, ratio), "MB")


def _alone(name: str, settings: Settings) -> int:
    process = multiprocessing.get_context("spawn").Pool(1)
    try:
        return process.apply(peak_bytes, (name, settings))
    finally:
        process.close()
        process.join()


def peak_bytes(name: str, settings: Settings) -> int:
    """Beyond what this process held with the base open."""
    size = training.BATCH_SIZES[settings.size]
    with TemporaryDirectory() as scratch:
        data = training.data_of(Path(scratch), settings, STEPS * size)
        painter = worlds.painter(settings)
        before = _held(settings)
        _work(name, painter, data, size)
        return _peak(settings) - before


def _work(name: str, painter: Painter, data: dict[str, training.Data], size: int) -> None:
    """A picture, or a few steps. In turn, and in their loops, one expert is there at a time."""
    first = next(iter(data))
    if name == LIVE:
        sliders.Ours(painter, EXPERTS).live()
    elif name == SET_ADAPTERS:
        sliders.Theirs(painter, EXPERTS).set_adapters()
    elif name in training.LOOPS:
        own = (data[first].files, data[first].captions)
        list(islice(example.train(painter, own, STEPS, size, training.LOOPS[name]), STEPS))
    else:
        ours = training.Ours(painter, data if name == training.TOGETHER else {first: data[first]}, STEPS, size, True)
        for _ in range(STEPS):
            ours.step(ours.groups[0])


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
