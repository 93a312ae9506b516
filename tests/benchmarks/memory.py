"""The peak of memory, painting and training with five experts, each in a process of its own.

On a GPU what torch allocated there at most; elsewhere what the process held at most, libraries and base included, which
stand as a row of their own.
"""
import multiprocessing
import re
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from engine.core.errors import EngineError
from tests.benchmarks import sliders, training, worlds
from tests.benchmarks.counts import EXPERTS
from tests.benchmarks.measure import Row, Settings

STEPS = 2
STATUS = Path("/proc/self/status")
BARE, LIVE, SET_ADAPTERS = "the base alone", "live", "set_adapters"


def rows(settings: Settings) -> Iterator[Row]:
    names = (BARE, LIVE, SET_ADAPTERS, training.TOGETHER, training.IN_TURN, training.EXAMPLE, training.CACHED)
    peaks = {name: _alone(name, settings) for name in names}
    for what, name, peer in (("a picture", LIVE, SET_ADAPTERS), ("training", training.TOGETHER, training.EXAMPLE),
                             ("training", training.TOGETHER, training.CACHED),
                             ("training", training.IN_TURN, training.CACHED)):
        ratio = round(peaks[name] / peaks[peer], 3)
        yield Row(f"peak memory of {what}, {EXPERTS} experts: {name} / {peer}", peaks[name], peaks[peer], ratio,
                  "ours / peer", "", 1, (ratio, ratio), "bytes", {BARE: peaks[BARE]})


def _alone(name: str, settings: Settings) -> int:
    with multiprocessing.get_context("spawn").Pool(1) as process:
        return process.apply(peak_bytes, (name, settings))


def peak_bytes(name: str, settings: Settings) -> int:
    """Of this process, once it has done that."""
    if name == LIVE:
        sliders.Ours(settings, EXPERTS).live()
    elif name == SET_ADAPTERS:
        sliders.Theirs(settings, EXPERTS).set_adapters()
    elif name == BARE:
        worlds.painter(settings)
    else:
        with TemporaryDirectory() as scratch:
            training.train(name, worlds.painter(settings), training.data_of(Path(scratch), settings), STEPS,
                           training.BATCH_SIZES[settings.size])
    if settings.device == "cuda":
        return torch.cuda.max_memory_allocated()
    if not STATUS.exists():
        raise EngineError(f"The peak of a process is read from {STATUS}, which Linux alone has. Measure there.")
    return 1024 * int(re.findall(r"VmHWM:\s+(\d+) kB", STATUS.read_text())[0])
