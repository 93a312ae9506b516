"""One run of the stage: open the base, let the experts learn together, log, show, save."""

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from torch import Tensor

from engine.core.errors import EngineError, Stopped
from engine.core.events import Event
from engine.core.store import Store
from engine.experts import Config, budget, checkpoints, devices, identity, progress, sources
from engine.experts.checkpoints import Point
from engine.experts.curves import Curves
from engine.experts.files import Files
from engine.experts.learner import Learner
from engine.experts.predictions import Predictions
from engine.experts.samples import paint
from engine.experts.training import Spread, held_out_loss, train_step
from engine.models import bases, diffusion, families
from engine.models.denoiser import WEIGHTS, Denoiser
from engine.models.lora.factors import Lora
from engine.models.mixture import Mixture

SECONDS_BETWEEN_EVENTS = 1.0


class Session:
    """The experts that are not finished, learning together."""

    def __init__(self, config: Config, store: Store) -> None:
        self.config, self.store = config, store
        objective = config.objective_choice
        self.objective, self.options = objective.module, objective.config()
        self.source = sources.source_of(objective)
        self.devices = devices.join()
        self.identities: dict[str, Any] = {}
        self.replaced: list[str] = []
        self.waiting: list[str] = []
        self.learners: list[Learner] = []
        self.stop_requested = False
        self._last_event_s = 0.0

    def run(self) -> Iterator[Event]:
        """Events until every expert is finished, or until it is stopped with everything saved."""
        yield from self._prepare()
        self._identify()
        if not self.waiting:
            yield self._done("Every expert is trained already.")
            return
        yield Event(f"Opening {self.config.model}.", *self._progress())
        yield from self._open()
        try:
            yield from self._learn()
        except Stopped:
            self._save_and_stop()
            steps = progress.steps_text(self.learners)
            text = f"Stopped. {steps} is saved; start again to go on from here."
            yield Event(text, *self._progress(), "stopped")
            return
        finally:
            self.mixture.remove()
        yield self._done(f"{', '.join(self.waiting)} trained.")

    def loss(self, model: Predictions, batch: Any) -> Tensor:
        """The objective with its options: (rows,)."""
        losses: Tensor = self.objective.loss(model, batch, self.options)
        return losses

    def _prepare(self) -> Iterator[Event]:
        """Make what the objective's source lacks; the other processes wait for the first."""
        if self.devices.writes:
            skills = self._skills(self.config.experts)
            yield from self.source.prepare(self.options, self.store, skills, self.config.replace)
        self.devices.meet()

    def _skills(self, experts: Collection[str]) -> list[str]:
        """Of some experts, each once."""
        skills: dict[str, None] = {}
        for name in experts:
            skills |= dict.fromkeys(self.config.experts[name])
        return list(skills)

    def _identify(self) -> None:
        """Say what decides each expert, and who of them waits to be trained.

        Raises EngineError where another expert of the name is there and `replace` is off.
        """
        for name in self.config.experts:
            decides = identity.expert_identity(self.config, self.store, name)
            self.identities[name] = decides
            folder = self.store.expert(name)
            if self.config.replace and checkpoints.is_other(folder, decides):
                self.replaced.append(name)
            elif checkpoints.is_finished(folder, decides):
                continue
            self.waiting.append(name)
        self.devices.meet()

    def _open(self) -> Iterator[Event]:
        """Load base and data, install a fresh LoRA per expert, go on from checkpoints."""
        config = self.config
        weights = WEIGHTS[config.precision]
        self.painter = diffusion.load(
            config.model, config.revision, self.devices.device, weights, config.encoder
        )
        self.denoiser = Denoiser(self.painter, config.timesteps)
        for name in self.waiting:
            self.identities[name]["base"] = self._base()
        data = yield from self.source.load(
            self.store, self._skills(self.waiting), self.painter, self.devices
        )
        loras = dict(zip(self.waiting, map(self._lora, self.waiting), strict=True))
        self.mixture = Mixture(self.painter.module, loras, config.seed)
        for name in self.waiting:
            stream, parameters = data.stream(name, config), self.mixture.parameters_of(name)
            self.learners.append(Learner(name, config.training(name), stream, parameters))
        self._resume()
        if config.recompute:
            self.painter.module.enable_gradient_checkpointing()
        planned = budget.plan(
            self.learners, self.mixture, self.denoiser, self.loss, self.devices.world
        )
        self.spread = Spread(planned.experts_a_forward, self.devices)
        yield Event(planned.report(), *self._progress(), data={"budget": asdict(planned)})

    def _base(self) -> dict[str, Any]:
        """What an expert's recipe says of the base that it changes."""
        return {
            **bases.record_of(self.config.base, self.painter.fingerprint),
            "prediction": self.denoiser.prediction,
            **families.recipe_fields(self.denoiser.family),
        }

    def _lora(self, name: str) -> Lora:
        training = self.config.training(name)
        start = "the same for all" if training.same_start else None
        return Lora(training.rank, training.alpha, tuple(training.targets), training.init, start)

    def _resume(self) -> None:
        """Remove what is trained anew, now that nothing stands in the way of it; load the rest."""
        self.files = Files(self.store, self.devices, self.mixture, self.identities)
        self.files.remove(self.replaced)
        self.curves = Curves(self.devices, self.files, self._held_out_loss)
        for learner in self.learners:
            self.curves.points[learner.name] = self.files.resume(learner)

    def _held_out_loss(self, learner: Learner) -> Tensor | None:
        return held_out_loss(learner, self.mixture, self.denoiser, self.loss)

    def _learn(self) -> Iterator[Event]:
        """Steps until every expert is finished. Raises Stopped, in every process at one step."""
        learners = [learner for learner in self.learners if learner.step == 0]
        while True:
            try:
                yield from self._after(learners)
            except Stopped:
                self.stop_requested = True
            learners = [learner for learner in self.learners if not learner.finished]
            if not learners:
                return
            if self.devices.any(self.stop_requested):
                raise Stopped
            train_step(learners, self.mixture, self.denoiser, self.loss, self.spread)
            if self.files.take_stop_files(self.learners):
                self.stop_requested = True

    def _after(self, learners: list[Learner]) -> Iterator[Event]:
        """What is due after a step: points of the curves, samples, files, an event."""
        config = self.config
        points = self._log(learners)
        samples = self._paint_samples(_due(learners, config.sample_every))
        self.files.finish(filter(_is_finished, learners))
        self.files.save(_due(learners, config.checkpoint_every))
        self.files.write_snapshots(_due(learners, config.snapshot_every))
        is_late = time.monotonic() - self._last_event_s > SECONDS_BETWEEN_EVENTS
        if points or samples or is_late:
            self._last_event_s = time.monotonic()
            data = {"losses": [asdict(point) for point in points], "samples": samples}
            yield Event(self._text(points), *self._progress(), data=data)

    def _log(self, learners: list[Learner]) -> list[Point]:
        """Raises EngineError where an expert diverged; the others' work is saved first."""
        measured = _due(learners, self.config.held_out_every)
        due = [*_due(learners, self.config.log_every), *measured]
        points = self.curves.log([one for one in learners if one in due], measured)
        if self.curves.diverged:
            self._raise_diverged(learners)
        return points

    def _raise_diverged(self, learners: Sequence[Learner]) -> None:
        diverged = self.curves.diverged
        healthy = [learner for learner in learners if learner not in diverged]
        self.files.finish(filter(_is_finished, healthy))
        self.files.save(one for one in self.learners if one not in diverged)
        self.devices.meet()
        names, folders = [], []
        for learner in diverged:
            names.append(learner.name)
            folders.append(str(self.files.folder(learner.name)))
        raise EngineError(
            f"The training of {', '.join(names)} diverged before step {diverged[0].step}. Lower "
            "the learning rate or keep clipping on, delete "
            f"{', '.join(folders)} and start again."
        )

    def _paint_samples(self, learners: list[Learner]) -> dict[str, list[str]]:
        if not learners or not self.devices.writes:
            return {}
        return paint(self.config, self.painter, self.mixture, learners, self.files.folder)

    def _save_and_stop(self) -> None:
        """Leave what is needed to go on, and the expert as far as it has come."""
        self.files.save(self.learners)
        begun = [one for one in self.learners if one.step and not one.finished]
        self.files.finish(begun)
        self.devices.meet()  # torchrun ends all processes soon after the first has gone

    def _progress(self) -> tuple[int, int]:
        return progress.steps(self.config, self.waiting, self.learners)

    def _text(self, points: Sequence[Point]) -> str:
        losses = []
        for point in points:
            if point.train_loss is not None:
                losses.append(f"{point.expert} {point.train_loss:.4f}")
        steps = progress.steps_text(self.learners)
        return f"{steps}: loss {', '.join(losses)}" if losses else steps

    def _done(self, text: str) -> Event:
        return Event(text, *self._progress(), "done", {"experts": list(self.config.experts)})


def _is_finished(learner: Learner) -> bool:
    return learner.finished


def _due(learners: Sequence[Learner], every: int) -> list[Learner]:
    """The learners at a multiple of `every`, or at their end; 0 is never."""
    if not every:
        return []
    return [one for one in learners if one.step % every == 0 or one.finished]
