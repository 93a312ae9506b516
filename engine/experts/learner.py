"""One expert while it learns, and what it keeps between steps."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from engine.experts import Training
from engine.experts.sources.pictures.streams import Stream


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
        self.average = _copies(self._weights()) if training.ema else []
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
        weights = self.average or self._weights()
        if held_out_loss < self.best_loss:
            self.best_loss, self.worse_times = held_out_loss, 0
            self.best = _copies(weights)
            return
        self.worse_times += 1
        if self.finished:
            torch._foreach_copy_(weights, self.best)

    def learning_rate(self, step: int) -> float:
        """Linear warm-up, then constant, or half a cosine that reaches zero after the last step."""
        options = self.training
        warm = min(1.0, (step + 1) / max(1, options.warmup_steps))
        rate = options.learning_rate * warm
        if options.schedule == "constant" or step < options.warmup_steps:
            return rate
        steps = max(1, options.steps - options.warmup_steps)
        done = (step - options.warmup_steps) / steps
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
            torch._foreach_lerp_(self.average, self._weights(), 1 - decay)
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
        weights = self._weights()
        learned = _copies(weights)
        torch._foreach_copy_(weights, self.average)
        try:
            yield
        finally:
            torch._foreach_copy_(weights, learned)

    def _weights(self) -> list[Tensor]:
        return [parameter.detach() for parameter in self.parameters]

    def state(self) -> dict[str, Tensor]:
        """All tensors that the next step depends on, and the running loss."""
        tensors = {"loss_sum": self.loss_sum}
        for i, parameter in enumerate(self.parameters):
            tensors[f"parameter.{i}"] = parameter.detach()
            for key, value in self.optimizer.state[parameter].items():
                tensors[f"{key}.{i}"] = value
        if self.best:
            counters = [self.best_loss, self.worse_times]
            tensors["patience"] = torch.tensor(counters, dtype=torch.float64)
        for i, tensor in enumerate(self.best):
            tensors[f"best.{i}"] = tensor
        for i, tensor in enumerate(self.average):
            tensors[f"average.{i}"] = tensor
        return tensors

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
                "exp_avg": _like(parameter, tensors[f"exp_avg.{i}"]),
                "exp_avg_sq": _like(parameter, tensors[f"exp_avg_sq.{i}"]),
            }
        for i, tensor in enumerate(self.average):
            tensor.copy_(tensors[f"average.{i}"])
        if "patience" not in tensors:
            return
        best_loss, worse_times = tensors["patience"].tolist()
        self.best_loss, self.worse_times = best_loss, int(worse_times)
        self.best = []
        for i, parameter in enumerate(self.parameters):
            self.best.append(tensors[f"best.{i}"].clone().to(parameter.device))


def _copies(tensors: list[Tensor]) -> list[Tensor]:
    return [tensor.clone() for tensor in tensors]


def _like(parameter: Tensor, values: Tensor) -> Tensor:
    """A new tensor of these values; of the parameter's type, on its device."""
    return torch.zeros_like(parameter).copy_(values)
