"""What no clock shows: the operations of a picture, and of a training step of five experts."""
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

from tests.benchmarks import example, sliders, training, worlds
from tests.benchmarks.measure import Row, Settings

EXPERTS = 5


class Counting(TorchDispatchMode):
    """Counts what reaches the kernels; views cost nothing and are left out."""

    def __init__(self) -> None:
        super().__init__()
        self.operations: Counter[str] = Counter()

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if not function.is_view:
            self.operations[str(function)] += 1
        return function(*args, **(kwargs or {}))


def rows(settings: Settings) -> Iterator[Row]:
    """The bare UNet, ours live and folded, and peft with five active adapters."""
    forwards = 10 if settings.quick else sliders.FORWARDS
    found, what = _counted(settings, forwards), f"{forwards} forwards, {EXPERTS} experts"
    for name, of, goal in (("live", "bare", ""), ("folded", "bare", ""), ("set_adapters", "bare", ""),
                           ("live", "set_adapters", "")):
        ratio = found[name] / found[of]
        yield Row(f"operations of {what}: {name} / {of}", found[name], found[of], round(ratio, 3),
                  f"{name} / {of}", goal, 1, (round(ratio, 3), round(ratio, 3)), "operations")
    ours, theirs = _of_a_step(settings)
    yield Row(f"operations of a training step of {EXPERTS} experts: {training.TOGETHER} / {training.CACHED}", ours,
              theirs, round(ours / theirs, 3), "ours / peer", "", 1, (round(ours / theirs, 3),) * 2, "operations")


def _counted(settings: Settings, forwards: int) -> dict[str, int]:
    ours = sliders.Ours(worlds.painter(settings), EXPERTS, forwards)
    theirs = sliders.Theirs(worlds.painter(settings), EXPERTS, forwards)
    bare = sliders.forwards_of(worlds.painter(settings), forwards)
    return {"bare": operations(bare), "live": operations(ours.live), "folded": operations(ours.folded),
            "set_adapters": operations(theirs.set_adapters)}


def _of_a_step(settings: Settings) -> tuple[int, int]:
    """Of the second step, backward pass and optimiser included; theirs is one expert's, five times."""
    size = training.BATCH_SIZES[settings.size]
    with TemporaryDirectory() as scratch:
        data = training.data_of(Path(scratch), settings, 2 * size)
        ours = training.Ours(worlds.painter(settings), data, 2, size, together=True)
        one = data[worlds.SKILLS[0]]
        loop = example.train(worlds.painter(settings), (one.files, one.captions), 2, size,
                             training.LOOPS[training.CACHED])
        ours.step(ours.groups[0]), next(loop)
        return operations(lambda: ours.step(ours.groups[0])), EXPERTS * operations(lambda: next(loop))


def operations(work: Callable[[], Any]) -> int:
    with Counting() as counting:
        work()
    return counting.operations.total()
