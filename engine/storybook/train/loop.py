"""One training loop for all Storybook models: annealed AdamW, EMA, exact checkpoints."""

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.store import read_json, write_json
from engine.models import tensor_files

REPORT_EVERY_STEPS = 50
DECISIVE = ("learning_rate", "seed", "ema_decay", "first_step")
"""What may not differ between a checkpoint and the plan that goes on from it."""
MOMENTS = ("exp_avg", "exp_avg_sq")
FIRST_PASS = "first"
"""Folder, inside a training's own, of the training it goes on from."""


@dataclass(frozen=True)
class Plan:
    """A training from start to end: the rate rises over the warm-up, holds, and falls to zero along
    a cosine.
    """

    steps: int
    learning_rate: float
    warmup_steps: int = 200
    decay_share: float = 1.0
    """The last part of the steps, over which the rate falls."""
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.99)
    max_grad_norm: float = 1.0
    ema_decay: float = 0.999
    checkpoint_every: int = 250
    seed: int = 0
    first_step: int = 0
    """Where the count begins when the training goes on, with new moments, from the averaged weights
    in `FIRST_PASS`.
    """


class Average:
    """Exponential moving average of the weights, warmed up so that early steps do not linger."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = {name: p.detach().clone() for name, p in model.named_parameters()}

    @torch.no_grad()
    def update(self, model: nn.Module, step: int) -> None:
        decay = min(self.decay, (step + 1) / (step + 10))
        parameters = dict(model.named_parameters())
        averages = [self.weights[name] for name in parameters]
        torch._foreach_lerp_(averages, list(parameters.values()), 1 - decay)


def half_precision(is_training: bool = True) -> torch.autocast:
    """bfloat16 for the products of a training step, where this CPU multiplies it faster than
    float32.
    """
    is_faster = torch.cpu._is_avx512_bf16_supported()
    return torch.autocast("cpu", torch.bfloat16, enabled=is_training and is_faster)


def rate(plan: Plan, step: int) -> float:
    """Learning rate at a step: linear warm-up, constant, cosine to zero over the last
    `decay_share`.
    """
    own_step = step - plan.first_step
    if own_step < plan.warmup_steps:
        return plan.learning_rate * (own_step + 1) / plan.warmup_steps
    decay_steps = plan.decay_share * (plan.steps - plan.first_step - plan.warmup_steps)
    done_share = 1 - (plan.steps - step) / max(1.0, decay_steps)
    cosine = math.cos(math.pi * max(0.0, done_share))
    return plan.learning_rate * 0.5 * (1 + cosine)


@dataclass
class Run:
    """What a checkpoint holds."""

    model: nn.Module
    plan: Plan
    folder: Path

    def __post_init__(self) -> None:
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            lr=self.plan.learning_rate,
            betas=self.plan.betas,
            weight_decay=self.plan.weight_decay,
            fused=True,
        )
        self.average = Average(self.model, self.plan.ema_decay)
        self.history: list[dict[str, float]] = []

    def step(self, number: int, value: Tensor) -> None:
        for group in self.optimizer.param_groups:
            group["lr"] = rate(self.plan, number)
        self.optimizer.zero_grad(set_to_none=True)
        value.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.plan.max_grad_norm)
        self.optimizer.step()
        self.average.update(self.model, number)

    def save(self, step: int) -> None:
        tensors: dict[str, Tensor] = {}
        moments = self.optimizer.state_dict()["state"]
        for index, (name, parameter) in enumerate(self.model.named_parameters()):
            tensors[f"model.{name}"] = parameter.detach().contiguous()
            tensors[f"ema.{name}"] = self.average.weights[name].contiguous()
            for moment in MOMENTS:
                if index in moments:
                    tensors[f"adam.{name}.{moment}"] = moments[index][moment].contiguous()
        write_json(self.folder / "history.json", self.history)
        header = {"step": str(step), "plan": json.dumps(asdict(self.plan))}
        tensor_files.write(self.folder / "checkpoint.safetensors", tensors, header)
        tensor_files.write(self.folder / "ema.safetensors", dict(self.average.weights), header)

    def resume(self) -> int:
        """Put a checkpoint back, or the weights this training starts from, and return the step to
        go on from.
        """
        path = self.folder / "checkpoint.safetensors"
        if not path.exists():
            return self.begin()
        try:
            tensors, header = tensor_files.read(path)
            step = int(header["step"])
            self._check_plan(path, json.loads(header["plan"]))
            self._load(step, tensors)
        except (KeyError, ValueError, RuntimeError) as error:
            raise EngineError(
                f"{path} is no checkpoint of this model ({error}). Delete it to start again."
            ) from error
        self.history = read_json(self.folder / "history.json")
        return step

    def _check_plan(self, path: Path, checkpoint: dict[str, float]) -> None:
        plan = asdict(self.plan)
        for name in DECISIVE:
            before = checkpoint.get(name, 0)
            if before != plan[name]:
                raise EngineError(
                    f"{path} has another {name} ({before}). Delete it to start again."
                )

    @torch.no_grad()
    def _load(self, step: int, tensors: dict[str, Tensor]) -> None:
        state: dict[int, dict[str, Tensor]] = {}
        for index, (name, parameter) in enumerate(self.model.named_parameters()):
            parameter.copy_(tensors[f"model.{name}"])
            self.average.weights[name].copy_(tensors[f"ema.{name}"])
            state[index] = {"step": torch.tensor(float(step - self.plan.first_step))}
            for moment in MOMENTS:
                # In the memory format of the weights.
                like_weights = torch.empty_like(parameter)
                state[index][moment] = like_weights.copy_(tensors[f"adam.{name}.{moment}"])
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": state, "param_groups": groups})

    def begin(self) -> int:
        """Start at the first step: from nothing, or from the averaged weights of the training
        before.
        """
        if self.plan.first_step:
            self._put(load_file(self.folder / FIRST_PASS / "ema.safetensors"))
            self.average = Average(self.model, self.plan.ema_decay)
            self.history = read_json(self.folder / FIRST_PASS / "history.json")
        return self.plan.first_step

    @torch.no_grad()
    def validation(self, validate: Callable[[], float]) -> float:
        """The validation loss of the averaged weights."""
        weights = {n: p.detach().clone() for n, p in self.model.named_parameters()}
        self._put(self.average.weights)
        value = validate()
        self._put(weights)
        return value

    @torch.no_grad()
    def _put(self, weights: dict[str, Tensor]) -> None:
        for name, p in self.model.named_parameters():
            p.copy_(weights[name])


def train(
    model: nn.Module,
    loss: Callable[[int], Tensor],
    plan: Plan,
    folder: Path,
    validate: Callable[[], float] | None = None,
) -> Iterator[Event]:
    """Train in place and leave the averaged weights in `folder/ema.safetensors`.

    `loss(step)` must draw its data and noise from the step's number alone: then a run that was
    killed and started again equals one that was not. Raises EngineError when the loss is no longer
    finite.
    """
    torch.set_flush_denormal(True)  # vanishing moments would make every step several times slower
    run = Run(model, plan, folder)
    first = run.resume()
    began, total, reported = time.monotonic(), 0.0, first
    for step in range(first, plan.steps):
        value = loss(step)
        run.step(step, value)
        total += float(value.detach())
        done = step + 1
        if done % REPORT_EVERY_STEPS == 0:
            if not math.isfinite(total):
                raise EngineError(f"The loss is {total} at step {step}. Lower the learning rate.")
            now = time.monotonic()
            mean, seconds = total / (done - reported), (now - began) / (done - reported)
            run.history.append({"step": done, "loss": mean, "seconds_per_step": seconds})
            yield Event(f"step {done} loss {mean:.4f} {seconds:.2f} s/step", done, plan.steps)
            began, total, reported = now, 0.0, done
        if done % plan.checkpoint_every == 0 or done == plan.steps:
            if validate is not None:
                held_out = run.validation(validate)
                run.history.append({"step": done, "validation": held_out})
                yield Event(f"step {done} validation {held_out:.4f}", done, plan.steps)
            run.save(done)
