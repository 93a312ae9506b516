"""What no clock shows: the operations of a picture."""
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from torch.utils._python_dispatch import TorchDispatchMode

from tests.benchmarks import sliders, worlds
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
    found = _counted(settings)
    for name, of, goal in (("live", "bare", ""), ("folded", "bare", ""), ("set_adapters", "bare", ""),
                           ("live", "set_adapters", "")):
        ratio = found[name] / found[of]
        yield Row(f"operations of a picture, {EXPERTS} experts: {name} / {of}", found[name], found[of], round(ratio, 3),
                  f"{name} / {of}", goal, 1, (round(ratio, 3), round(ratio, 3)), "operations")


def _counted(settings: Settings) -> dict[str, int]:
    ours, theirs = sliders.Ours(settings, EXPERTS), sliders.Theirs(settings, EXPERTS)
    return {"bare": operations(sliders.forwards_of(worlds.painter(settings))), "live": operations(ours.live),
            "folded": operations(ours.folded), "set_adapters": operations(theirs.set_adapters)}


def operations(work: Callable[[], Any]) -> int:
    with Counting() as counting:
        work()
    return counting.operations.total()
