"""What a training needs before it starts, and how many experts then share a forward pass.

Weights, gradients and AdamW's two moments of every expert are counted; activations are measured, in
a forward pass of one row and one of two: what the second adds is a row's, the rest an expert's,
once per forward (factors cast to the base's precision). Where they are computed again, the largest
part that the backward pass builds anew is counted too. Fewer experts per forward change no number
but by rounding, only the time.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil

import psutil
import torch
from torch import Tensor

from engine.experts import Training
from engine.experts.activations import activation_bytes
from engine.experts.learner import Learner
from engine.experts.training import Loss
from engine.models.denoiser import Denoiser
from engine.models.mixture import Mixture

USABLE_SHARE = 0.9
"""Of the free memory: kernels need room to work in."""


@dataclass(frozen=True)
class Budget:
    """All sizes in bytes."""

    experts: int
    base: int
    learning: int
    """The experts' weights, gradients, moments and averages."""
    held: int
    """What of these is on the device already."""
    activations_an_expert: int
    activations_a_row: int
    rows: int
    """In one forward pass of all experts, on one device."""
    most_rows: int
    """Of one expert."""
    free: int
    """What is left beside the base, which is loaded."""
    experts_a_forward: int

    @property
    def to_allocate(self) -> int:
        """What learning needs beside what is there already."""
        return self.learning - self.held

    def needs(self, experts: int, rows: int) -> int:
        """Beside what is there already, with so many experts and rows in a forward."""
        of_experts = experts * self.activations_an_expert
        of_rows = rows * self.activations_a_row
        return self.to_allocate + of_experts + of_rows

    def fits(self, experts: int, rows: int) -> bool:
        return self.needs(experts, rows) <= USABLE_SHARE * self.free

    def report(self) -> str:
        """For the reader, before the start."""
        text = self._sizes()
        if self.experts_a_forward >= self.experts:
            return text
        text += f" So {self.experts_a_forward} of {self.experts} experts share a forward."
        if self.to_allocate > USABLE_SHARE * self.free:
            return (
                f"{text} Even their gradients and moments may not fit: lower the rank, or train "
                "fewer experts in a run; what they learn does not depend on each other."
            )
        if self.fits(1, self.most_rows):
            return text
        return (
            f"{text} Even that may not fit: lower batch_size and raise accumulation, or switch "
            "recompute on."
        )

    def _sizes(self) -> str:
        learning, held = size_text(self.learning), size_text(self.held)
        a_row = size_text(self.activations_a_row)
        an_expert = size_text(self.activations_an_expert)
        needs = size_text(self.needs(self.experts, self.rows))
        experts = f"{self.experts} experts {learning} (weights, gradients, AdamW; {held} are there)"
        activations = f"activations {a_row} a row and {an_expert} an expert, {self.rows} rows"
        return (
            f"Memory: the base {size_text(self.base)}, {experts}, {activations}: {needs} more, "
            f"{size_text(self.free)} free."
        )


def plan(
    learners: Sequence[Learner], mixture: Mixture, denoiser: Denoiser, loss: Loss, devices: int = 1
) -> Budget:
    """Count, measure, and fit as many experts into a forward as memory allows; at least one."""
    rows = [ceil(learner.training.batch_size / devices) for learner in learners]
    rows.sort(reverse=True)

    def most_bytes(count: int) -> int:
        """Of so many rows, by the expert that keeps most."""
        sizes = []
        for learner in _kinds(learners):
            sizes.append(activation_bytes(learner, mixture, denoiser, loss, count))
        return max(sizes)

    one = most_bytes(1)
    two = most_bytes(2) if rows[0] > 1 else 2 * one
    learning, held = 0, 0
    for learner in learners:
        learning += learning_bytes(learner.training, learner.parameters)
        held += _held_bytes(learner)
    whole = Budget(
        experts=len(learners),
        base=_size_bytes(denoiser.module.parameters()),
        learning=learning,
        held=held,
        activations_an_expert=max(0, 2 * one - two),
        activations_a_row=two - one,
        rows=sum(rows),
        most_rows=rows[0],
        free=free_memory(denoiser.device, devices),
        experts_a_forward=len(learners),
    )
    return replace(whole, experts_a_forward=_experts_that_fit(whole, rows))


def _kinds(learners: Sequence[Learner]) -> list[Learner]:
    """One learner of each rank and set of layers: the others keep as much."""
    kinds = {}
    for learner in learners:
        kinds[learner.training.rank, learner.training.targets] = learner
    return list(kinds.values())


def _experts_that_fit(whole: Budget, rows: Sequence[int]) -> int:
    """The most whose rows, the largest batches first, fit into a forward; at least one."""
    most = 1
    for experts in range(1, len(rows) + 1):
        if whole.fits(experts, sum(rows[:experts])):
            most = experts
    return most


def free_memory(device: torch.device, processes: int) -> int:
    """Of the device, or this process's part of the machine's."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return psutil.virtual_memory().available // processes


def learning_bytes(training: Training, parameters: Iterable[Tensor]) -> int:
    """Weight, gradient and two moments; the average and the best weights where they are kept."""
    copies = 4
    if training.ema:
        copies += 1
    if training.patience:
        copies += 1
    return copies * _size_bytes(parameters)


def _held_bytes(learner: Learner) -> int:
    """Of these, what is there before the first step, or since a training that goes on."""
    held = [*learner.parameters, *learner.average, *learner.best]
    for state in learner.optimizer.state.values():
        held += [tensor for tensor in state.values() if tensor.dim()]  # the moments
    return _size_bytes(held)


def _size_bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.nbytes for tensor in tensors)


def size_text(size_bytes: float) -> str:
    """In the unit that suits it."""
    for unit in ("B", "KB", "MB"):
        if size_bytes < 1000:
            return f"{size_bytes:.3g} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.3g} GB"
