"""One optimiser step of all experts together, and what each of them keeps between steps."""
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from engine.experts import Training
from engine.experts.batches import Batch, Stream
from engine.experts.denoiser import Denoiser
from engine.models.mixture import Mixture

Loss = Callable[[Denoiser, Batch], Tensor]
"""An objective with its options: (rows,)."""


class Learner:
    """One expert while it learns: its parameters, AdamW, averaged weights and the loss since the last log."""

    def __init__(self, name: str, training: Training, stream: Stream,
                 parameters: list[nn.Parameter]) -> None:
        self.name, self.training, self.stream, self.parameters = name, training, stream, parameters
        self.step = 0
        self.optimizer = torch.optim.AdamW(parameters, training.learning_rate, fused=True,
                                           weight_decay=training.weight_decay)
        self.average = [p.detach().clone() for p in parameters] if training.ema else []
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=parameters[0].device)
        self.logged_step = 0
        self.grad_norm = torch.zeros((), device=parameters[0].device)

    @property
    def finished(self) -> bool:
        return self.step >= self.training.steps

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
        return tensors | {f"average.{i}": tensor for i, tensor in enumerate(self.average)}

    @torch.no_grad()
    def load(self, step: int, logged_step: int, tensors: dict[str, Tensor]) -> None:
        """Go on from `state`. Raises KeyError or RuntimeError when the tensors belong to another expert."""
        self.step, self.logged_step = step, logged_step
        self.loss_sum.copy_(tensors["loss_sum"])
        for i, parameter in enumerate(self.parameters):
            parameter.copy_(tensors[f"parameter.{i}"])
            self.optimizer.state[parameter] = {
                "step": tensors[f"step.{i}"].clone().to(parameter.device),
                "exp_avg": torch.zeros_like(parameter).copy_(tensors[f"exp_avg.{i}"]),
                "exp_avg_sq": torch.zeros_like(parameter).copy_(tensors[f"exp_avg_sq.{i}"])}
        for i, tensor in enumerate(self.average):
            tensor.copy_(tensors[f"average.{i}"])


def train_step(learners: Sequence[Learner], mixture: Mixture, denoiser: Denoiser, loss: Loss) -> None:
    """One step of every learner: their rows run through the base together, each through its own expert.

    An expert's loss is the mean over its own rows, so its gradient is what it would be alone, however many
    forwards the step is spread over. Nothing here waits for the device.
    """
    drawn = [(learner, learner.stream.batch(learner.step, denoiser.timesteps)) for learner in learners]
    for forward in range(max(learner.training.accumulation for learner in learners)):
        parts = [(learner, _part(batch, forward, learner.training.batch_size)) for learner, batch in drawn
                 if forward < learner.training.accumulation]
        with mixture.grouped({learner.name: len(part) for learner, part in parts}):
            losses = loss(denoiser, Batch.cat([part for _, part in parts]))
            split = losses.split([len(part) for _, part in parts])
            means = [own.mean() / learner.training.accumulation
                     for (learner, _), own in zip(parts, split, strict=True)]
            torch.stack(means).sum().backward()
        for (learner, _), mean in zip(parts, means, strict=True):
            learner.loss_sum += mean.detach()
    for learner in learners:
        learner.update()


@torch.no_grad()
def held_out_loss(learner: Learner, mixture: Mixture, denoiser: Denoiser, loss: Loss) -> Tensor | None:
    """Mean loss over the expert's held-out pictures at fixed times and noise, on the device; None without any."""
    losses = []
    with learner.averaged():
        for batch in learner.stream.held_out(denoiser.timesteps):
            with mixture.grouped({learner.name: len(batch)}):
                losses.append(loss(denoiser, batch))
    return torch.cat(losses).mean() if losses else None


def _part(batch: Batch, forward: int, rows: int) -> Any:
    return batch[forward * rows:(forward + 1) * rows]
