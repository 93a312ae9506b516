"""One optimiser step of all experts together, and what each of them keeps between steps."""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from engine.experts import Training
from engine.experts.batches import Batch, Stream
from engine.experts.devices import Devices
from engine.models.denoiser import Denoiser
from engine.models.mixture import Mixture

Loss = Callable[[Denoiser, Batch], Tensor]
"""An objective with its options: (rows,)."""


class Learner:
    """One expert while it learns: its parameters, AdamW, averaged weights and the loss since the
    last log.
    """

    def __init__(
        self, name: str, training: Training, stream: Stream, parameters: list[nn.Parameter]
    ) -> None:
        self.name, self.training, self.stream, self.parameters = name, training, stream, parameters
        self.step = 0
        self.optimizer = torch.optim.AdamW(
            parameters, training.learning_rate, fused=True, weight_decay=training.weight_decay
        )
        self.average = [p.detach().clone() for p in parameters] if training.ema else []
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=parameters[0].device)
        self.logged_step = 0
        self.grad_norm = torch.zeros((), device=parameters[0].device)
        self.best: list[Tensor] = []
        """The weights of the lowest held-out loss, where `patience` asks for them."""
        self.best_loss, self.worse_times = math.inf, 0

    @property
    def finished(self) -> bool:
        return self.step >= self.training.steps or self.stopped_early

    @property
    def stopped_early(self) -> bool:
        return 0 < self.training.patience <= self.worse_times

    @torch.no_grad()
    def note(self, held_out_loss: float) -> None:
        """Keep the best weights; at its end, early or not, the expert becomes what it was at its
        best.
        """
        if not self.training.patience:
            return
        weights = self.average or [p.detach() for p in self.parameters]
        if held_out_loss < self.best_loss:
            self.best_loss, self.worse_times = held_out_loss, 0
            self.best = [weight.clone() for weight in weights]
            return
        self.worse_times += 1
        if self.finished:
            torch._foreach_copy_(weights, self.best)

    def learning_rate(self, step: int) -> float:
        """Linear warm-up, then constant, or half a cosine that reaches zero after the last step."""
        options = self.training
        rate = options.learning_rate * min(1.0, (step + 1) / (options.warmup_steps or 1))
        if options.schedule == "constant" or step < options.warmup_steps:
            return rate
        done = (step - options.warmup_steps) / max(1, options.steps - options.warmup_steps)
        return rate * (1 + math.cos(math.pi * done)) / 2

    def update(self) -> None:
        """Clip this expert's gradient alone, step AdamW, average the weights."""
        clip = self.training.max_grad_norm or math.inf
        self.grad_norm = nn.utils.clip_grad_norm_(self.parameters, clip)
        self.optimizer.param_groups[0]["lr"] = self.learning_rate(self.step)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        if self.average:
            # diffusers' EMAModel: a young average follows quickly, so that it forgets the start.
            decay = min(self.training.ema, (1 + self.step) / (10 + self.step))
            torch._foreach_lerp_(self.average, [p.detach() for p in self.parameters], 1 - decay)
        self.step += 1

    def release(self) -> None:
        """Give back the memory that only learning needs; the expert is finished and written."""
        self.optimizer.zero_grad(set_to_none=True)
        self.optimizer.state.clear()
        self.average, self.best = [], []

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The weights that are measured, shown and saved: the average where there is one."""
        if not self.average:
            yield
            return
        values = [p.detach() for p in self.parameters]
        own = [value.clone() for value in values]
        torch._foreach_copy_(values, self.average)
        try:
            yield
        finally:
            torch._foreach_copy_(values, own)

    def state(self) -> dict[str, Tensor]:
        """All tensors that the next step depends on, and the running loss."""
        tensors = {"loss_sum": self.loss_sum}
        for i, parameter in enumerate(self.parameters):
            tensors[f"parameter.{i}"] = parameter.detach()
            for key, value in self.optimizer.state[parameter].items():
                tensors[f"{key}.{i}"] = value
        if self.best:
            tensors["patience"] = torch.tensor(
                [self.best_loss, self.worse_times], dtype=torch.float64
            )
        tensors |= {f"best.{i}": tensor for i, tensor in enumerate(self.best)}
        return tensors | {f"average.{i}": tensor for i, tensor in enumerate(self.average)}

    @torch.no_grad()
    def load(self, step: int, logged_step: int, tensors: dict[str, Tensor]) -> None:
        """Go on from `state`. Raises KeyError or RuntimeError when the tensors belong to another
        expert.
        """
        self.step, self.logged_step = step, logged_step
        self.loss_sum.copy_(tensors["loss_sum"])
        for i, parameter in enumerate(self.parameters):
            parameter.copy_(tensors[f"parameter.{i}"])
            self.optimizer.state[parameter] = {
                "step": tensors[f"step.{i}"].clone().to(parameter.device),
                "exp_avg": torch.zeros_like(parameter).copy_(tensors[f"exp_avg.{i}"]),
                "exp_avg_sq": torch.zeros_like(parameter).copy_(tensors[f"exp_avg_sq.{i}"]),
            }
        for i, tensor in enumerate(self.average):
            tensor.copy_(tensors[f"average.{i}"])
        if "patience" in tensors:
            self.best_loss, self.worse_times = (
                tensors["patience"][0].item(),
                int(tensors["patience"][1]),
            )
            self.best = [
                tensors[f"best.{i}"].clone().to(p.device) for i, p in enumerate(self.parameters)
            ]


@dataclass(frozen=True)
class Spread:
    """What a step is spread over; it changes no number."""

    experts_a_forward: int = 0
    """0: all of them."""
    devices: Devices = field(default_factory=Devices)


AT_ONCE = Spread()


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
    drawn = [
        (learner, learner.stream.batch(learner.step, denoiser.timesteps)) for learner in learners
    ]
    losses = {learner.name: torch.zeros_like(learner.loss_sum) for learner in learners}
    for forward in range(max(learner.training.accumulation for learner in learners)):
        parts = [
            (learner, _part(batch, forward, learner.training.batch_size))
            for learner, batch in drawn
            if forward < learner.training.accumulation
        ]
        together = spread.experts_a_forward or len(parts)
        for first in range(0, len(parts), together):
            own = [
                (learner, len(part), part[spread.devices.share(len(part))])
                for learner, part in parts[first : first + together]
            ]
            for name, mean in _backward(
                [one for one in own if len(one[2])], mixture, denoiser, loss
            ).items():
                losses[name] += mean
    for learner in learners:
        if spread.devices.world > 1:
            _add_up(learner, losses[learner.name], spread.devices)
        learner.loss_sum += losses[learner.name]
        learner.update()


def _add_up(learner: Learner, loss: Tensor, devices: Devices) -> None:
    """Gradient and loss over all processes; one that had no row of this expert adds nothing."""
    for parameter in learner.parameters:
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(parameter)
    devices.add_up([p.grad for p in learner.parameters if p.grad is not None])
    devices.add_up([loss])


def _backward(
    parts: Sequence[tuple[Learner, int, Batch]], mixture: Mixture, denoiser: Denoiser, loss: Loss
) -> dict[str, Tensor]:
    """One forward and backward pass over (learner, rows of all devices, own rows); the gradients
    add up.

    Returns each learner's share of its step's mean loss.
    """
    if not parts:
        return {}
    with mixture.grouped({learner.name: len(part) for learner, _, part in parts}):
        losses = loss(denoiser, Batch.cat([part for *_, part in parts]))
        split = losses.split([len(part) for *_, part in parts])
        means = [
            own.sum() / (rows * learner.training.accumulation)
            for (learner, rows, _), own in zip(parts, split, strict=True)
        ]
        torch.stack(means).sum().backward()
    return {learner.name: mean.detach() for (learner, *_), mean in zip(parts, means, strict=True)}


@torch.no_grad()
def held_out_loss(
    learner: Learner, mixture: Mixture, denoiser: Denoiser, loss: Loss
) -> Tensor | None:
    """Mean loss over the expert's held-out pictures at fixed times and noise, on the device; None
    without any.
    """
    losses = []
    with learner.averaged():
        for batch in learner.stream.held_out(denoiser.timesteps):
            with mixture.grouped({learner.name: len(batch)}):
                losses.append(loss(denoiser, batch))
    return torch.cat(losses).mean() if losses else None


def _part(batch: Batch, forward: int, rows: int) -> Any:
    return batch[forward * rows : (forward + 1) * rows]
