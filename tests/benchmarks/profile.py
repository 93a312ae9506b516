"""`python -m tests.benchmarks.profile`: what the time goes into, for goals that are missed. One table a piece of work.

Ours beside the peer: a training step of five experts beside five of cached peft's, a live picture beside a bare one, a
painted picture beside its bare forwards.
"""
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from engine.models.diffusion import PaintingOptions
from tests.benchmarks import example, sliders, training, worlds
from tests.benchmarks.measure import Settings

EXPERTS = 5
ROWS = 12
STEPS = 4


def main() -> None:
    settings = Settings(False, "storybook", "cuda" if torch.cuda.is_available() else "cpu")
    with TemporaryDirectory() as scratch:
        for name, work in (*_training(settings, Path(scratch)).items(), *_pictures(settings).items()):
            work()
            _print(name, work)


def _training(settings: Settings, scratch: Path) -> dict[str, Callable[[], Any]]:
    size, most = training.BATCH_SIZES[settings.size], 4 * STEPS
    data = training.data_of(scratch, settings, most * training.BATCH_SIZES[settings.size])
    ours = training.Ours(worlds.painter(settings), data, most, size, together=True)
    one = data[worlds.SKILLS[0]]
    loop = example.train(worlds.painter(settings), (one.files, one.captions), EXPERTS * most, size,
                         training.LOOPS[training.CACHED])
    return {f"{STEPS} steps of five experts, together": lambda: [ours.step(ours.groups[0]) for _ in range(STEPS)],
            f"{STEPS} x five steps of one expert, cached peft": lambda: [next(loop) for _ in range(EXPERTS * STEPS)]}


def _pictures(settings: Settings) -> dict[str, Callable[[], Any]]:
    ours, painter = sliders.Ours(worlds.painter(settings), EXPERTS), worlds.painter(settings)
    return {"a picture of five experts, live": ours.live,
            "a picture, bare UNet": sliders.forwards_of(painter),
            "a picture painted": lambda: painter.paint([worlds.TEXT], [1], 3.5, PaintingOptions(sliders.FORWARDS))}


def _print(name: str, work: Callable[[], Any]) -> None:
    """The kernels by their own time, with their share of the whole."""
    with profile(activities=[ProfilerActivity.CPU]) as found:
        work()
    events = sorted(found.key_averages(), key=lambda event: -event.self_cpu_time_total)
    whole = sum(event.self_cpu_time_total for event in events)
    print(f"{name}: {whole / 1e6:.2f} s")
    for event in events[:ROWS]:
        print(f"  {event.self_cpu_time_total / whole:6.1%}  {event.count:6d} x  {event.key}")


if __name__ == "__main__":
    main()
