"""The memory that a forward pass keeps for its backward pass, measured in one."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from engine.experts.learner import Learner
from engine.experts.predictions import Predictions
from engine.experts.training import Loss
from engine.models.denoiser import Denoiser
from engine.models.mixture import Mixture


class KeptTensors:
    """The tensors that autograd keeps, and their size in bytes; each storage counts once."""

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        """`parameters` are there anyway and do not count."""
        self.parameters = {parameter.untyped_storage().data_ptr() for parameter in parameters}
        self.forget()

    def forget(self) -> None:
        self.sizes: dict[int, int] = {}
        self.tensors: list[Tensor] = []  # held, so that no address is used twice

    def keep(self, tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in self.parameters:
            self.sizes[storage.data_ptr()] = storage.nbytes()
            self.tensors.append(tensor)
        return tensor

    @property
    def size(self) -> int:
        return sum(self.sizes.values())


def activation_bytes(
    learner: Learner, mixture: Mixture, denoiser: Denoiser, loss: Loss, rows: int
) -> int:
    """What autograd keeps of so many rows until its backward pass, and what that builds anew at
    once.
    """
    parameters = [*denoiser.module.parameters(), *learner.parameters]
    row = learner.stream.batch(0, denoiser.timesteps)[:1]
    batch = type(row).cat([row] * rows)

    def forward(kept: KeptTensors) -> None:
        with (
            torch.autograd.graph.saved_tensors_hooks(kept.keep, lambda tensor: tensor),
            Predictions(denoiser, mixture, {learner.name: rows}) as model,
        ):
            loss(model, batch)

    whole = KeptTensors(parameters)
    forward(whole)
    return whole.size + _largest_part(denoiser.module, forward, KeptTensors(parameters))


def _largest_part(
    unet: nn.Module, forward: Callable[[KeptTensors], None], kept: KeptTensors
) -> int:
    """Of the parts whose activations are computed again, one at a time, the largest's; 0 where all
    are kept.
    """
    checkpointed: list[Any] = []
    for module in unet.modules():
        if getattr(module, "gradient_checkpointing", False):
            checkpointed.append(module)
    if not checkpointed:
        return 0
    largest = 0

    def begin(*_: Any) -> None:
        kept.forget()

    def end(*_: Any) -> None:
        nonlocal largest
        largest = max(largest, kept.size)

    hooks = []
    for part in _recomputed_parts(checkpointed):
        hooks.append(part.register_forward_pre_hook(begin))
        hooks.append(part.register_forward_hook(end))
    try:
        with _keeping_all(checkpointed):
            forward(kept)
    finally:
        for hook in hooks:
            hook.remove()
    return largest


def _recomputed_parts(checkpointed: list[Any]) -> set[nn.Module]:
    """The modules in the lists of the checkpointed ones; none that holds a checkpointed one."""
    parts = set()
    for module in checkpointed:
        for child in module.children():
            if not isinstance(child, nn.ModuleList):
                continue
            for part in child:
                if not any(inner in checkpointed for inner in part.modules()):
                    parts.add(part)
    return parts


@contextmanager
def _keeping_all(checkpointed: list[Any]) -> Iterator[None]:
    """Nothing is computed again for the length of a `with`."""
    try:
        for module in checkpointed:
            module.gradient_checkpointing = False
        yield
    finally:
        for module in checkpointed:
            module.gradient_checkpointing = True
