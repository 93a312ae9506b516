"""One optimiser step of all experts together: their rows share forward passes of the base."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from engine.experts.devices import Devices
from engine.experts.learner import Learner
from engine.experts.predictions import Predictions
from engine.models.denoiser import Denoiser
from engine.models.mixture import Mixture

Loss = Callable[[Predictions, Any], Tensor]
"""An objective with its options: of a model and a batch of its source, (rows,)."""


@dataclass(frozen=True)
class Spread:
    """What a step is spread over; it changes no number."""

    experts_a_forward: int = 0
    """0: all of them."""
    devices: Devices = field(default_factory=Devices)


AT_ONCE = Spread()


@dataclass(frozen=True)
class Part:
    """One learner's rows of one forward pass."""

    learner: Learner
    batch: Any
    """The rows that this process computes."""
    rows: int
    """Of all processes."""

    @property
    def name(self) -> str:
        return self.learner.name

    def mean(self, losses: Tensor) -> Tensor:
        """The share of its step's mean loss that these rows' losses are."""
        return losses.sum() / (self.rows * self.learner.training.accumulation)


def train_step(
    learners: Sequence[Learner],
    mixture: Mixture,
    denoiser: Denoiser,
    loss: Loss,
    spread: Spread = AT_ONCE,
) -> None:
    """One step of every learner: their rows run through the base together, each through its own
    expert.

    An expert's loss is the mean over its own rows, so its gradient is what it would be alone,
    however many forwards the step is spread over, however many experts share one, and however many
    devices share the rows. Nothing here waits for the device.
    """
    batches = {}
    losses = {}
    for learner in learners:
        batches[learner] = learner.stream.batch(learner.step, denoiser.timesteps)
        losses[learner.name] = torch.zeros_like(learner.loss_sum)
    for parts in _forwards(batches, spread):
        means = _backward(parts, mixture, denoiser, loss)
        for name, mean in means.items():
            losses[name] += mean
    for learner in learners:
        if spread.devices.world > 1:
            _add_up(learner, losses[learner.name], spread.devices)
        learner.loss_sum += losses[learner.name]
        learner.update()


def _forwards(batches: Mapping[Learner, Any], spread: Spread) -> Iterator[list[Part]]:
    """What the forward passes of one step hold; learners without rows on this device are left out.

    Accumulation cuts a learner's batch into so many forwards; memory may cut the learners of one
    of these into several more.
    """
    for forward in range(max(learner.training.accumulation for learner in batches)):
        parts = []
        for learner, batch in batches.items():
            if forward < learner.training.accumulation:
                parts.append(_part(learner, batch, forward, spread.devices))
        together = spread.experts_a_forward or len(parts)
        for first in range(0, len(parts), together):
            some = parts[first : first + together]
            yield [part for part in some if len(part.batch)]


def _part(learner: Learner, batch: Any, forward: int, devices: Devices) -> Part:
    size = learner.training.batch_size
    rows = batch[forward * size : (forward + 1) * size]
    return Part(learner, rows[devices.share(len(rows))], len(rows))


def _backward(
    parts: Sequence[Part], mixture: Mixture, denoiser: Denoiser, loss: Loss
) -> dict[str, Tensor]:
    """One forward and backward pass; the gradients add up.

    Returns each learner's share of its step's mean loss.
    """
    if not parts:
        return {}
    counts, batches, means = {}, [], []
    for part in parts:
        counts[part.name] = len(part.batch)
        batches.append(part.batch)
    kind = type(parts[0].batch)
    with Predictions(denoiser, mixture, counts) as model:
        losses = loss(model, kind.cat(batches))
        of_parts = losses.split(list(counts.values()))
        for part, own in zip(parts, of_parts, strict=True):
            means.append(part.mean(own))
        stacked = torch.stack(means)
        stacked.sum().backward()
    return dict(zip(counts, stacked.detach(), strict=True))


def _add_up(learner: Learner, loss: Tensor, devices: Devices) -> None:
    """Gradient and loss over all processes; one that had no row of this expert adds nothing."""
    gradients = []
    for parameter in learner.parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
        gradients.append(parameter.grad)
    devices.add_up(gradients)
    devices.add_up([loss])


@torch.no_grad()
def held_out_loss(
    learner: Learner, mixture: Mixture, denoiser: Denoiser, loss: Loss
) -> Tensor | None:
    """Mean loss over the expert's held-out items at fixed times and noise, on the device; None
    without any.
    """
    losses = []
    with learner.averaged():
        for batch in learner.stream.held_out(denoiser.timesteps):
            with Predictions(denoiser, mixture, {learner.name: len(batch)}) as model:
                losses.append(loss(model, batch))
    return torch.cat(losses).mean() if losses else None
