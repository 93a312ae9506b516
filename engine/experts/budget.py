"""What a training needs before it starts, and how many experts then share a forward pass.

Weights, gradients and AdamW's two moments of every expert are counted; what one row's activations take is measured,
in one forward pass of one row. Fewer experts a forward change no number, only the time.
"""
from collections.abc import Sequence
from dataclasses import dataclass

import psutil
import torch
from torch import Tensor

from engine.experts.denoiser import Denoiser
from engine.experts.training import Learner, Loss
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
    activations_a_row: int
    rows: int
    """In one forward pass of all experts."""
    free: int
    """What is left beside the base, which is loaded."""
    experts_a_forward: int

    def told(self) -> str:
        """For the reader, before the start."""
        needs = self.learning + self.rows * self.activations_a_row
        text = (f"Memory: the base {_size(self.base)}, {self.experts} experts {_size(self.learning)} (weights, "
                f"gradients, AdamW), {self.rows} rows of {_size(self.activations_a_row)}: {_size(needs)} more, "
                f"{_size(self.free)} free.")
        if self.experts_a_forward >= self.experts:
            return text
        text += f" So {self.experts_a_forward} of {self.experts} experts share a forward."
        alone = self.learning + self.rows // self.experts * self.activations_a_row
        return text if alone <= USABLE_SHARE * self.free else (
            f"{text} Even that may not fit: lower batch_size and raise accumulation, or switch recompute on.")


def plan(learners: Sequence[Learner], mixture: Mixture, denoiser: Denoiser, loss: Loss,
         free: int | None = None) -> Budget:
    """Count, measure, and fit as many experts into a forward as there is memory for; at least one."""
    free = free_memory(denoiser.device) if free is None else free
    learning = sum(_learning_bytes(learner) for learner in learners)
    a_row = activation_bytes(learners[0], mixture, denoiser, loss)
    rows = sorted((learner.training.batch_size for learner in learners), reverse=True)
    fits = [n for n in range(1, len(rows) + 1) if learning + sum(rows[:n]) * a_row <= USABLE_SHARE * free]
    base = sum(p.nbytes for p in denoiser.unet.parameters())
    return Budget(len(learners), base, learning, a_row, sum(rows), free, max(fits, default=1))


def free_memory(device: torch.device) -> int:
    """Of the device, or of this machine."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available


def activation_bytes(learner: Learner, mixture: Mixture, denoiser: Denoiser, loss: Loss) -> int:
    """What autograd keeps of one row until its backward pass, each storage once, parameters left out."""
    own = {p.untyped_storage().data_ptr() for p in denoiser.unet.parameters()}
    own |= {p.untyped_storage().data_ptr() for p in learner.parameters}
    kept: dict[int, int] = {}
    held: list[Tensor] = []  # so that no address is used twice

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
            held.append(tensor)
        return tensor

    batch = learner.stream.batch(0, denoiser.timesteps)[:1]
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor), mixture.grouped({learner.name: 1}):
        loss(denoiser, batch)
    return sum(kept.values())


def _learning_bytes(learner: Learner) -> int:
    """Weight, gradient and two moments; the average and the best weights where they are kept."""
    copies = 4 + bool(learner.training.ema) + bool(learner.training.patience)
    return copies * sum(p.nbytes for p in learner.parameters)


def _size(size_bytes: float) -> str:
    """In the unit that suits it."""
    for unit in ("B", "KB", "MB"):
        if size_bytes < 1000:
            return f"{size_bytes:.3g} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.3g} GB"
