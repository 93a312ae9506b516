"""The losses of every expert, step by step, and who of them diverged."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from engine.experts.checkpoints import Point
from engine.experts.devices import Devices
from engine.experts.files import Files
from engine.experts.learner import Learner

Measure = Callable[[Learner], Tensor | None]
"""The held-out loss; None without held-out pictures."""


class Curves:
    """Every expert's points so far, which its file holds, too."""

    def __init__(self, devices: Devices, files: Files, held_out_loss: Measure) -> None:
        self.devices, self.files, self.held_out_loss = devices, files, held_out_loss
        self.points: dict[str, list[Point]] = {}
        self.diverged: list[Learner] = []

    def log(self, learners: Sequence[Learner], measured: Sequence[Learner]) -> list[Point]:
        """A new point for each; its held-out loss for those that are `measured`, too.

        Who has no finite loss any more gets none and joins the diverged.
        """
        if not learners:
            return []
        points = []
        numbers = self._numbers(learners, measured)
        for learner, (train, held_out, grad_norm) in zip(learners, numbers, strict=True):
            if learner.step and not math.isfinite(train):
                self.diverged.append(learner)
                continue
            if not math.isnan(held_out):
                learner.note(held_out)
            point = Point(
                learner.step,
                learner.name,
                train_loss=train if learner.step else None,
                held_out_loss=None if math.isnan(held_out) else held_out,
                grad_norm=grad_norm if learner.step else None,
                learning_rate=learner.learning_rate(max(0, learner.step - 1)),
            )
            self._add(learner, point)
            points.append(point)
        return points

    def _add(self, learner: Learner, point: Point) -> None:
        learner.loss_sum.zero_()
        learner.logged_step = learner.step
        self.points[learner.name].append(point)
        self.files.write_curve(learner.name, self.points[learner.name])

    def _numbers(
        self, learners: Sequence[Learner], measured: Sequence[Learner]
    ) -> list[list[float]]:
        """Training loss, held-out loss (NaN is none) and norm of the gradient of each.

        They leave the device together: each transfer would wait for it.
        """
        rows = []
        for learner in learners:
            held_out = self._held_out(learner) if learner in measured else None
            if held_out is None:
                held_out = torch.full_like(learner.loss_sum, torch.nan)
            train = learner.loss_sum / (learner.step - learner.logged_step)
            rows.append(torch.stack([train, held_out.to(train), learner.grad_norm.to(train)]))
        numbers: list[list[float]] = torch.stack(rows).tolist()
        return numbers

    def _held_out(self, learner: Learner) -> Tensor | None:
        loss = self.held_out_loss(learner)
        if loss is not None:
            self.devices.agree(loss)
        return loss
