"""One run of the stage: open the base, let the experts learn together, log, show, save."""

import math
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from engine.core.errors import EngineError, Stopped
from engine.core.events import Event
from engine.core.store import Store
from engine.experts import Config, batches, budget, checkpoints, devices, identity, pool
from engine.experts.checkpoints import Point
from engine.experts.samples import paint
from engine.experts.training import Learner, Loss, Spread, held_out_loss, train_step
from engine.models import diffusion, families
from engine.models.denoiser import WEIGHTS, Denoiser
from engine.models.lora.factors import Lora
from engine.models.mixture import Mixture

SECONDS_BETWEEN_EVENTS = 1.0
STOP = "stop"
"""A file of this name in experts/ or in an expert's folder asks to save and stop."""


class Session:
    """The experts that are not finished, learning together."""

    def __init__(self, config: Config, store: Store, objective: ModuleType, options: Any) -> None:
        self.config, self.store = config, store
        self.loss: Loss = lambda denoiser, batch: objective.loss(denoiser, batch, options)
        self.devices = devices.joined()
        self.wanted = {
            name: identity.wanted(config, store, name, options) for name in config.experts
        }
        self.replaced = {
            name
            for name, wanted in self.wanted.items()
            if config.replace and checkpoints.is_other(self._folder(name), wanted)
        }
        self.waiting = [
            name
            for name, wanted in self.wanted.items()
            if name in self.replaced or not checkpoints.is_finished(self._folder(name), wanted)
        ]
        self.devices.meet()
        self.learners: list[Learner] = []
        self.diverged: list[Learner] = []
        self.curves: dict[str, list[Point]] = {}
        self._told = 0.0
        self.asked_to_stop = False

    def run(self) -> Iterator[Event]:
        """Events until every expert is finished, or until it is stopped with everything saved."""
        if self.waiting:
            yield Event(f"Opening {self.config.model}.", *self._progress())
            yield from self._open()
            try:
                yield from self._learn()
            except Stopped:
                self._save_and_stop()
                yield Event(
                    f"Stopped. {self._told_steps()} is saved; start again to go on from here.",
                    *self._progress(),
                    "stopped",
                )
                return
            finally:
                self.mixture.remove()
        trained = (
            f"{', '.join(self.waiting)} trained."
            if self.waiting
            else "Every expert is trained already."
        )
        yield Event(trained, *self._progress(), "done", {"experts": list(self.config.experts)})

    def _open(self) -> Iterator[Event]:
        """Load base and pictures, install a fresh LoRA an expert, go on from checkpoints."""
        config = self.config
        self.painter = diffusion.load(
            config.model, config.revision, self.devices.device, WEIGHTS[config.precision]
        )
        self.denoiser = Denoiser(self.painter, self.config.timesteps)
        base = {
            "model": config.model,
            "revision": config.revision,
            "sha256": self.painter.fingerprint,
            "prediction": self.denoiser.prediction,
            **families.recipe_fields(self.denoiser.family),
        }
        skills = dict.fromkeys(skill for name in self.waiting for skill in config.experts[name])
        self.pool = yield from pool.load(self.store, list(skills), self.painter, self.devices)
        loras = {}
        for name in self.waiting:
            self.wanted[name]["base"] = base
            own = config.training(name)
            start = "the same for all" if own.same_start else None
            loras[name] = Lora(own.rank, own.alpha, tuple(own.targets), own.init, start)
        self.mixture = Mixture(self.painter.module, loras, config.seed)
        self.learners = [self._learner(name) for name in self.waiting]
        self._discard()
        self.curves = {
            learner.name: checkpoints.resume(
                self._folder(learner.name), learner, self.wanted[learner.name]
            )
            for learner in self.learners
        }
        if config.recompute:
            self.painter.module.enable_gradient_checkpointing()
        planned = budget.plan(
            self.learners, self.mixture, self.denoiser, self.loss, self.devices.world
        )
        self.spread = Spread(planned.experts_a_forward, self.devices)
        yield Event(planned.told(), *self._progress(), data={"budget": asdict(planned)})

    def _discard(self) -> None:
        """Remove the experts that are trained anew, now that nothing stands in the way of it."""
        if self.devices.writes:
            for name in self.replaced:
                shutil.rmtree(self._folder(name))
        self.devices.meet()

    def _learner(self, name: str) -> Learner:
        config = self.config
        rows = batches.choose(
            self.pool, config.experts[name], config.shards.get(name), config.held_out, config.seed
        )
        if not rows.learned:
            raise EngineError(
                f"Expert {name} has no picture to learn from. Paint more, or cut fewer shards."
            )
        stream = batches.Stream(name, self.pool, rows, config.training(name), config.seed)
        return Learner(name, config.training(name), stream, self.mixture.parameters_of(name))

    def _learn(self) -> Iterator[Event]:
        """Steps until every expert is finished. Raises Stopped, in every process at the same step."""
        learners = [learner for learner in self.learners if learner.step == 0]
        while True:
            try:
                yield from self._after(learners)
            except Stopped:
                self.asked_to_stop = True
            if not (learners := [learner for learner in self.learners if not learner.finished]):
                return
            if self.devices.any(self.asked_to_stop):
                raise Stopped
            train_step(learners, self.mixture, self.denoiser, self.loss, self.spread)
            self.asked_to_stop |= self._finds_stop_files()

    def _after(self, learners: list[Learner]) -> Iterator[Event]:
        """What is due after a step: points of the curves, samples, files, an event."""
        config = self.config
        measured = [
            *self._due(learners, config.log_every),
            *self._due(learners, config.held_out_every),
        ]
        points = self._log([learner for learner in learners if learner in measured])
        if self.diverged:
            self._raise_diverged(learners)
        shown = self._due(learners, config.sample_every)
        samples = self._paint_samples(shown)
        self._finish(learner for learner in learners if learner.finished)
        self._save(
            learner
            for learner in self._due(learners, config.checkpoint_every)
            if not learner.finished
        )
        for learner in self._due(learners, config.snapshot_every):
            if learner.step and self.devices.writes:
                folder = self._folder(learner.name) / f"step-{learner.step}"
                checkpoints.write_lora(folder, learner, self.mixture, self.wanted[learner.name])
        if points or samples or time.monotonic() - self._told > SECONDS_BETWEEN_EVENTS:
            self._told = time.monotonic()
            losses = ", ".join(
                f"{p.expert} {p.train_loss:.4f}" for p in points if p.train_loss is not None
            )
            yield Event(
                f"{self._told_steps()}{': loss ' + losses if losses else ''}",
                *self._progress(),
                data={"losses": [asdict(point) for point in points], "samples": samples},
            )

    def _due(self, learners: list[Learner], every: int) -> list[Learner]:
        """The learners at a multiple of `every`, or at their end; 0 is never."""
        return [
            learner
            for learner in learners
            if every and (learner.step % every == 0 or learner.finished)
        ]

    def _log(self, learners: list[Learner]) -> list[Point]:
        """Measure, append to the curves, notice who diverged. All numbers leave the device at once."""
        if not learners:
            return []
        held = [
            held_out_loss(learner, self.mixture, self.denoiser, self.loss)
            if self._due([learner], self.config.held_out_every)
            else None
            for learner in learners
        ]
        for loss in held:
            if loss is not None:
                self.devices.agree(loss)
        missing = torch.full_like(learners[0].loss_sum, torch.nan)
        table = [
            torch.stack(
                [
                    learner.loss_sum / (learner.step - learner.logged_step),
                    missing if loss is None else loss.to(missing),
                    learner.grad_norm.to(missing),
                ]
            )
            for learner, loss in zip(learners, held, strict=True)
        ]
        points = []
        for learner, (train, held_out, norm) in zip(
            learners, torch.stack(table).tolist(), strict=True
        ):
            if learner.step and not math.isfinite(train):
                self.diverged.append(learner)
                continue
            if not math.isnan(held_out):
                learner.note(held_out)
            points.append(
                Point(
                    learner.step,
                    learner.name,
                    train if learner.step else None,
                    None if math.isnan(held_out) else held_out,
                    norm if learner.step else None,
                    learner.learning_rate(max(0, learner.step - 1)),
                )
            )
            learner.loss_sum.zero_()
            learner.logged_step = learner.step
            self.curves[learner.name].append(points[-1])
            if self.devices.writes:
                checkpoints.write_curve(self._folder(learner.name), self.curves[learner.name])
        return points

    def _raise_diverged(self, learners: Sequence[Learner]) -> None:
        """Raises EngineError; the others' work is saved first, and what is finished is written."""
        self._finish(
            learner for learner in learners if learner.finished and learner not in self.diverged
        )
        self._save(learner for learner in self.learners if learner not in self.diverged)
        self.devices.meet()
        told, folders = (
            ", ".join(map(str, these))
            for these in (
                [learner.name for learner in self.diverged],
                [self._folder(learner.name) for learner in self.diverged],
            )
        )
        raise EngineError(
            f"The training of {told} diverged before step {self.diverged[0].step}. Lower the "
            "learning "
            f"rate or keep clipping on, delete {folders} and start again."
        )

    def _paint_samples(self, learners: list[Learner]) -> dict[str, list[str]]:
        if not learners or not self.devices.writes:
            return {}
        return paint(self.config, self.painter, self.mixture, learners, self._folder)

    def _finish(self, learners: Iterable[Learner]) -> None:
        for learner in learners:
            if self.devices.writes:
                checkpoints.finish(
                    self._folder(learner.name), learner, self.mixture, self.wanted[learner.name]
                )
            if learner.finished:
                learner.release()

    def _save(self, learners: Iterable[Learner]) -> None:
        for learner in learners:
            if learner.step and not learner.finished and self.devices.writes:
                checkpoints.save(self._folder(learner.name), learner, self.wanted[learner.name])

    def _save_and_stop(self) -> None:
        """Leave what is needed to go on, and the expert as far as it has come."""
        self._save(self.learners)
        self._finish(learner for learner in self.learners if learner.step and not learner.finished)
        self.devices.meet()  # torchrun ends all processes soon after the first has gone

    def _finds_stop_files(self) -> bool:
        """Whether somebody left one; it is taken away."""
        folders = [
            self.store.expert("any").parent,
            *(self._folder(learner.name) for learner in self.learners),
        ]
        found = [
            folder / STOP for folder in folders if self.devices.writes and (folder / STOP).exists()
        ]
        for file in found:
            file.unlink()
        return bool(found)

    def _folder(self, name: str) -> Path:
        return self.store.expert(name)

    def _progress(self) -> tuple[int, int]:
        """Steps done and steps in all, over all experts."""
        total = {name: self.config.training(name).steps for name in self.config.experts}
        going = dict.fromkeys(self.waiting, 0) | {
            learner.name: total[learner.name] if learner.finished else learner.step
            for learner in self.learners
        }
        return sum(going.get(name, steps) for name, steps in total.items()), sum(total.values())

    def _told_steps(self) -> str:
        steps = {(learner.step, learner.training.steps) for learner in self.learners}
        if len(steps) == 1:
            return "Step {} of {}".format(*steps.pop())
        told = {
            where: [
                learner.name
                for learner in self.learners
                if (learner.step, learner.training.steps) == where
            ]
            for where in sorted(steps)
        }
        return ", ".join(
            f"{', '.join(names)} step {step} of {of}" for (step, of), names in told.items()
        )
