"""The processes that share a training: this one, or several that torchrun started, a device each.

    torchrun --nproc_per_node 2 -m engine experts runs/demo/jobs/0003-experts

Every process draws the same batch, computes its share of the rows, and adds the others' gradients
to its own; so all of them take the same step, and the first one alone writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed

from engine.core.processes import rank, world_size


@dataclass(frozen=True)
class Devices:
    """One of `world` processes, or the only one."""

    rank: int = 0
    world: int = 1
    device: str | None = None
    """None is whatever this machine has."""

    @property
    def writes(self) -> bool:
        return self.rank == 0

    def share(self, rows: int) -> slice:
        """This process's part of `rows`; parts differ by one row at most, and may be empty."""
        return slice(self.rank * rows // self.world, (self.rank + 1) * rows // self.world)

    def add_up(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors of one type by their sums over all processes."""
        if self.world == 1:
            return
        # one message for all of them
        flat = torch.cat(list(map(torch.flatten, tensors)))
        distributed.all_reduce(flat)
        totals = flat.split(list(map(torch.numel, tensors)))
        for tensor, total in zip(tensors, totals, strict=True):
            tensor.copy_(total.view(tensor.shape))

    def agree(self, tensor: Tensor) -> None:
        """Replace what each process computed for itself by their mean, so that all decide alike."""
        if self.world > 1:
            tensor /= self.world
            self.add_up([tensor])

    def meet(self) -> None:
        """Wait for the others."""
        self.any(False)

    def any(self, flag: bool) -> bool:
        """Whether it is so in any process: all of them hear the same answer at the same step."""
        if self.world == 1:
            return flag
        flags = torch.tensor([float(flag)], device=self.device)
        self.add_up([flags])
        return bool(flags.item())


def join() -> Devices:
    """Join the other processes, if torchrun started any."""
    if world_size() == 1:
        return Devices()
    from accelerate import PartialState

    # while the first process paints samples and writes, the others wait
    patience = timedelta(hours=12)
    state = PartialState(cpu=not torch.cuda.is_available(), timeout=patience)
    assert (state.process_index, state.num_processes) == (rank(), world_size())
    return Devices(state.process_index, state.num_processes, str(state.device))
