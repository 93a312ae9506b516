"""What a training needs before it starts, and how many experts then share a forward pass.

Weights, gradients and AdamW's two moments of every expert are counted; activations are measured, in
a forward pass of one row and one of two: what the second adds is a row's, the rest an expert's,
once a forward (factors cast to the base's precision). Where they are computed again, the largest
part that the backward pass builds anew is counted too. Fewer experts a forward change no number but
by rounding, only the time.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import psutil
import torch
from torch import Tensor, nn

from engine.experts import Training
from engine.experts.batches import Batch
from engine.experts.training import Learner, Loss
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

    def needs(self, experts: int, rows: int) -> int:
        """Beside what is there already, with so many experts and rows in a forward."""
        return (
            self.learning
            - self.held
            + experts * self.activations_an_expert
            + rows * self.activations_a_row
        )

    def told(self) -> str:
        """For the reader, before the start."""
        needs = self.needs(self.experts, self.rows)
        text = (
            f"Memory: the base {_size(self.base)}, {self.experts} experts {_size(self.learning)} "
            "(weights, "
            f"gradients, AdamW; {_size(self.held)} are there), activations "
            f"{_size(self.activations_a_row)} a row "
            f"and {_size(self.activations_an_expert)} an expert, {self.rows} rows: {_size(needs)} "
            "more, "
            f"{_size(self.free)} free."
        )
        if self.experts_a_forward >= self.experts:
            return text
        text += f" So {self.experts_a_forward} of {self.experts} experts share a forward."
        room = USABLE_SHARE * self.free
        if self.learning - self.held > room:
            return (
                f"{text} Even their gradients and moments may not fit: lower the rank, or train "
                "fewer experts in a "
                "run; what they learn does not depend on each other."
            )
        return (
            text
            if self.needs(1, self.most_rows) <= room
            else (
                f"{text} Even that may not fit: lower batch_size and raise accumulation, or switch "
                "recompute on."
            )
        )


def plan(
    learners: Sequence[Learner], mixture: Mixture, denoiser: Denoiser, loss: Loss, devices: int = 1
) -> Budget:
    """Count, measure, and fit as many experts into a forward as there is memory for; at least one."""
    rows = sorted(
        (ceil(learner.training.batch_size / devices) for learner in learners), reverse=True
    )
    kinds = {
        (learner.training.rank, learner.training.targets): learner for learner in learners
    }.values()
    one = max(activation_bytes(learner, mixture, denoiser, loss, 1) for learner in kinds)
    two = (
        max(activation_bytes(learner, mixture, denoiser, loss, 2) for learner in kinds)
        if rows[0] > 1
        else 2 * one
    )
    whole = Budget(
        experts=len(learners),
        base=sum(p.nbytes for p in denoiser.module.parameters()),
        learning=sum(learning_bytes(learner.training, learner.parameters) for learner in learners),
        held=sum(map(_held_bytes, learners)),
        activations_an_expert=max(0, 2 * one - two),
        activations_a_row=two - one,
        rows=sum(rows),
        most_rows=rows[0],
        free=free_memory(denoiser.device, devices),
        experts_a_forward=len(learners),
    )
    fits = [
        n
        for n in range(1, len(rows) + 1)
        if whole.needs(n, sum(rows[:n])) <= USABLE_SHARE * whole.free
    ]
    return replace(whole, experts_a_forward=max(fits, default=1))


def free_memory(device: torch.device, processes: int) -> int:
    """Of the device, or this process's part of the machine's."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return psutil.virtual_memory().available // processes


def activation_bytes(
    learner: Learner, mixture: Mixture, denoiser: Denoiser, loss: Loss, rows: int
) -> int:
    """What autograd keeps of so many rows until its backward pass, and what that builds anew at
    once.

    Each storage once, parameters left out.
    """
    own = {
        p.untyped_storage().data_ptr() for p in (*denoiser.module.parameters(), *learner.parameters)
    }
    row = learner.stream.batch(0, denoiser.timesteps)[:1]

    def forward(kept: "Kept") -> None:
        with (
            torch.autograd.graph.saved_tensors_hooks(kept.keep, lambda tensor: tensor),
            mixture.grouped({learner.name: rows}),
        ):
            loss(denoiser, Batch.cat([row] * rows))

    forward(whole := Kept(own))
    return whole.size + _largest_part(denoiser.module, forward, Kept(own))


class Kept:
    """The tensors that autograd keeps, and their size in bytes."""

    def __init__(self, but: set[int]) -> None:
        self.but = but
        self.sizes: dict[int, int] = {}
        self.held: list[Tensor] = []  # so that no address is used twice

    def keep(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self.but:
            self.sizes[storage.data_ptr()] = storage.nbytes()
            self.held.append(tensor)
        return tensor

    @property
    def size(self) -> int:
        return sum(self.sizes.values())


def _largest_part(network: nn.Module, forward: Callable[[Kept], None], kept: Kept) -> int:
    """Of the parts whose activations are computed again, one at a time, the largest's; 0 where all
    are kept.
    """
    checkpointed: list[Any] = [
        module for module in network.modules() if getattr(module, "gradient_checkpointing", False)
    ]
    if not checkpointed:
        return 0
    parts = {
        part
        for module in checkpointed
        for child in module.children()
        if isinstance(child, nn.ModuleList)
        for part in child
        if not any(inner in checkpointed for inner in part.modules())
    }
    largest = 0

    def begin(*_: Any) -> None:
        kept.sizes, kept.held = {}, []

    def end(*_: Any) -> None:
        nonlocal largest
        largest = max(largest, kept.size)

    hooks = [
        hook
        for part in parts
        for hook in (part.register_forward_pre_hook(begin), part.register_forward_hook(end))
    ]
    try:
        for module in checkpointed:
            module.gradient_checkpointing = False
        forward(kept)
    finally:
        for module in checkpointed:
            module.gradient_checkpointing = True
        for hook in hooks:
            hook.remove()
    return largest


def learning_bytes(training: Training, parameters: Iterable[Tensor]) -> int:
    """Weight, gradient and two moments; the average and the best weights where they are kept."""
    copies = 4 + bool(training.ema) + bool(training.patience)
    return copies * sum(p.nbytes for p in parameters)


def _held_bytes(learner: Learner) -> int:
    """Of these, what is there before the first step, or since a training that goes on."""
    moments = [
        tensor
        for state in learner.optimizer.state.values()
        for tensor in state.values()
        if tensor.dim()
    ]
    return sum(
        tensor.nbytes for tensor in (*learner.parameters, *learner.average, *learner.best, *moments)
    )


def _size(size_bytes: float) -> str:
    """In the unit that suits it."""
    for unit in ("B", "KB", "MB"):
        if size_bytes < 1000:
            return f"{size_bytes:.3g} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.3g} GB"
