"""Five experts, the same samples seen: ours together, ours in turn, and the example's loop in three versions.

Opening the base is on nobody's clock; whatever else comes before the first step is: latents and embeddings where they
are kept, the budget, the adapters. Each way is warmed up, and the order turns from repeat to repeat.
"""
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from tempfile import TemporaryDirectory

import torch
from PIL import Image
from torch import Tensor

from engine.experts import Training, budget
from engine.experts.learner import Learner
from engine.experts.objectives import denoise
from engine.experts.predictions import Predictions
from engine.experts.sources.pictures.batches import Batch
from engine.experts.sources.pictures.library import Library
from engine.experts.sources.pictures.splits import Split
from engine.experts.sources.pictures.streams import Stream
from engine.experts.training import Spread, train_step
from engine.models.autoencoder import to_pixels
from engine.models.denoiser import Denoiser
from engine.models.diffusion import Painter
from engine.models.lora.factors import Lora
from engine.models.mixture import Mixture
from engine.storybook import evaluation
from engine.storybook.scenes import paint
from tests.benchmarks import example, worlds
from tests.benchmarks.example import Loop
from tests.benchmarks.measure import Row, Settings, row, synchronise

BATCH_SIZES = {"storybook": 8, "sd15": 8, "sdxl": 1}
HELD_OUT = 16
TOGETHER, IN_TURN = "ours together", "ours in turn"
EXAMPLE, BEST_FLAGS, CACHED = "the example as shipped", "the example with best flags", "cached peft"
LOOPS = {EXAMPLE: Loop(), BEST_FLAGS: Loop(tf32=True, fused=True), CACHED: Loop(cached=True, fused=True)}
TRIED_WORKERS = (0, 1, 2)
TRIED_STEPS = 8


@dataclass(frozen=True)
class Data:
    """One skill's pictures as files, and a few that nobody learns from."""

    files: list[Path]
    captions: list[str]
    held_out: tuple[list[Path], list[str]]

    def first(self, count: int) -> "Data":
        return Data(self.files[:count], self.captions[:count], self.held_out)


@dataclass(frozen=True)
class Run:
    """Seconds of a whole training of five experts."""

    first_step: float
    """Until the first step of the first expert is done: what is prepared beforehand counts."""
    whole: float
    held_out: float
    """Mean loss of the five at the end."""
    experts_a_forward: int = 1


def rows(settings: Settings) -> Iterator[Row]:
    """Whole trainings, then how long it takes until the first step is done."""
    (steps, repeats), size = (4, 1) if settings.quick else (60, 3), BATCH_SIZES[settings.size]
    runs: dict[str, list[Run]] = {}
    with TemporaryDirectory() as scratch:
        data = data_of(Path(scratch), settings, steps * size)
        painter, loops = worlds.painter(settings), dict(LOOPS)
        untrained = fmean(_held_out(painter, of_skill) for of_skill in data.values())
        if not settings.quick:
            loops[BEST_FLAGS] = _best(LOOPS[BEST_FLAGS], painter, data, size)
        ways = [*loops, TOGETHER, IN_TURN]
        for name in ways:
            train(name, painter, {skill: data[skill].first(size) for skill in worlds.SKILLS[:2]}, 1, size, loops)
        for turn in range(repeats):
            for name in (*ways[turn % len(ways):], *ways[:turn % len(ways)]):
                runs.setdefault(name, []).append(train(name, painter, data, steps, size, loops))
    named = f"train five experts, {steps} steps of {size}"
    for ours, peer in (*((TOGETHER, peer) for peer in (*LOOPS, IN_TURN)), (IN_TURN, CACHED)):
        whole = [run.whole for run in runs[ours]], [run.whole for run in runs[peer]]
        yield row(f"{named}: {ours}, {peer}", whole, goal=_goal(settings, ours, peer), **{
            "held-out loss": [round(fmean(run.held_out for run in runs[name]), 4) for name in (ours, peer)],
            "untrained": round(untrained, 4), "experts a forward": runs[ours][0].experts_a_forward,
            **({"workers": loops[peer].workers} if peer == BEST_FLAGS else {})})
    for peer in (EXAMPLE, CACHED):
        name = f"until the first step is done, of all five together, of one by {peer}"
        yield row(name, ([run.first_step for run in runs[TOGETHER]], [run.first_step for run in runs[peer]]))


def data_of(folder: Path, settings: Settings, most: int) -> dict[str, Data]:
    """At most so many pictures a skill: none is prepared that would not be seen."""
    return {skill: _data(skill, folder, settings, most) for skill in worlds.SKILLS}


def train(name: str, painter: Painter, data: dict[str, Data], steps: int, batch_size: int,  # noqa: PLR0913
          loops: Mapping[str, Loop] = LOOPS) -> Run:
    """An expert a skill, in one of the five ways; the painter's own UNet is left as it is."""
    if name in loops:
        return _theirs(painter, data, steps, batch_size, loops[name])
    return _ours(painter, data, steps, batch_size, together=name == TOGETHER)


def _goal(settings: Settings, ours: str, peer: str) -> str:
    if ours != TOGETHER or peer not in LOOPS or (settings.device, settings.size) not in (
            ("cpu", "storybook"), ("cuda", "sd15")):
        return ""
    return ">= 3" if settings.device == "cuda" and peer != CACHED else ">= 1" if peer == CACHED else ">= 1.5"


def _best(loop: Loop, painter: Painter, data: dict[str, Data], batch_size: int) -> Loop:
    """The loop with the number of loading processes that is fastest here, tried on one skill."""
    one, tried = dict([*data.items()][:1]), [replace(loop, workers=workers) for workers in TRIED_WORKERS]
    _theirs(painter, one, TRIED_STEPS, batch_size, loop)
    return min(tried, key=lambda own: _theirs(painter, one, TRIED_STEPS, batch_size, own).whole)


def _theirs(painter: Painter, data: dict[str, Data], steps: int, batch_size: int, loop: Loop) -> Run:
    first, losses, whole = 0.0, [], 0.0
    for of_skill in data.values():
        own = example.fresh(painter)
        began = time.perf_counter()
        for _ in example.train(own, (of_skill.files, of_skill.captions), steps, batch_size, loop):
            first = first or _since(began)
        whole += _since(began)
        losses.append(_held_out(own, of_skill))
    return Run(first, whole, fmean(losses))


def _ours(painter: Painter, data: dict[str, Data], steps: int, batch_size: int, together: bool) -> Run:
    own, first, losses = example.fresh(painter), 0.0, []
    began = time.perf_counter()
    ours = Ours(own, data, steps, batch_size, together)
    for group in ours.groups:
        while not group[0].finished:
            ours.step(group)
            first = first or _since(began)
    whole = _since(began)
    for skill, of_skill in data.items():
        with ours.mixture.mix({skill: 1.0}):
            losses.append(_held_out(own, of_skill))
    return Run(first, whole, fmean(losses), ours.experts_a_forward)


class Ours:
    """Our experts before their first step, to be taught together or one by one."""

    def __init__(self, painter: Painter, data: dict[str, Data], steps: int, batch_size: int, together: bool) -> None:
        self.denoiser, library = Denoiser(painter), _library(painter, data)
        training = Training(rank=example.RANK, alpha=example.RANK, learning_rate=example.LEARNING_RATE, steps=steps,
                            batch_size=batch_size, caption_dropout=0.0)
        self.mixture = Mixture(painter.pipe.unet, {skill: Lora(example.RANK, example.RANK) for skill in data})
        learners = [Learner(skill, training, Stream(skill, library, Split([*library.rows[skill]], []), training, 0),
                            self.mixture.parameters_of(skill)) for skill in data]
        self.groups = [learners] if together else [[learner] for learner in learners]
        planned = budget.plan(self.groups[0], self.mixture, self.denoiser, _loss)
        self.experts_a_forward = planned.experts_a_forward

    def step(self, group: list[Learner]) -> None:
        train_step(group, self.mixture, self.denoiser, _loss, Spread(self.experts_a_forward))


def _loss(model: Predictions, batch: Batch) -> Tensor:
    return denoise.loss(model, batch, denoise.Config())


def _held_out(painter: Painter, data: Data) -> float:
    files, captions = data.held_out
    latents = painter.encode(to_pixels([Image.open(file) for file in files])).float()
    return example.held_out_loss(painter, latents, painter.embed(captions))


def _library(painter: Painter, data: dict[str, Data]) -> Library:
    files = [file for of_skill in data.values() for file in of_skill.files]
    captions = [caption for of_skill in data.values() for caption in of_skill.captions]
    latents, counts = painter.encode(to_pixels([Image.open(file) for file in files])).float(), 0
    spans = {}
    for skill, of_skill in data.items():
        spans[skill] = range(counts, counts := counts + len(of_skill.files))
    dtype = painter.pipe.unet.dtype
    return Library(latents, painter.embed(captions), painter.empty, captions, spans,
                torch.promote_types(dtype, torch.float32), dtype)


def _data(skill: str, folder: Path, settings: Settings, most: int) -> Data:
    """Drawn scenes of a skill's frozen prompts as PNG files of the base's size."""
    prompts = [p.text for p in evaluation.load("validation", skill)][:HELD_OUT + most]
    side, files = {"storybook": 64, "sd15": 512, "sdxl": 1024}[settings.size], []
    for number, text in enumerate(prompts):
        file = folder / f"{skill}-{number:03d}.png"
        scene = evaluation.true_scene(text, number)
        Image.fromarray(paint(scene)).resize((side, side), Image.Resampling.NEAREST).save(file)
        files.append(file)
    return Data(files[HELD_OUT:], prompts[HELD_OUT:], (files[:HELD_OUT], prompts[:HELD_OUT]))


def _since(began: float) -> float:
    synchronise()
    return time.perf_counter() - began
