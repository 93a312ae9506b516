"""Five experts, the same samples seen: ours together, ours in turn, and the example's loop in three versions."""
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory

import torch
from PIL import Image
from torch import Tensor

from engine.experts import Training, budget
from engine.experts.batches import Batch, Rows, Stream
from engine.experts.denoiser import Denoiser
from engine.experts.objectives import denoise
from engine.experts.pool import Pool
from engine.experts.training import Learner, Spread, train_step
from engine.models.autoencoder import to_pixels
from engine.models.diffusion import Painter
from engine.models.lora import Lora
from engine.models.mixture import Mixture
from engine.storybook import evaluation
from engine.storybook.scenes import paint
from tests.benchmarks import example, worlds
from tests.benchmarks.example import Loop
from tests.benchmarks.measure import Row, Settings, synchronise

BATCH_SIZES = {"storybook": 8, "sd15": 8, "sdxl": 1}
HELD_OUT = 16
TOGETHER, IN_TURN = "ours together", "ours in turn"
EXAMPLE, BEST_FLAGS, CACHED = "the example as shipped", "the example with best flags", "cached peft"
LOOPS = {EXAMPLE: Loop(), BEST_FLAGS: Loop(workers=2, tf32=True), CACHED: Loop(cached=True)}


@dataclass(frozen=True)
class Data:
    """One skill's pictures as files, and a few that nobody learns from."""

    files: list[Path]
    captions: list[str]
    held_out: tuple[list[Path], list[str]]


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
    """Whole trainings in turn, so that all of them meet the same weather."""
    (steps, repeats), size = (12, 1) if settings.quick else (60, 3), BATCH_SIZES[settings.size]
    runs: dict[str, list[Run]] = {}
    with TemporaryDirectory() as scratch:
        data = data_of(Path(scratch), settings)
        untrained = fmean(_held_out(worlds.painter(settings), of_skill) for of_skill in data.values())
        for _ in range(repeats):
            painter = worlds.painter(settings)
            for name in (*LOOPS, TOGETHER, IN_TURN):
                runs.setdefault(name, []).append(train(name, painter, data, steps, size))
    goals = {EXAMPLE: ">= 3" if settings.device == "cuda" else ">= 1.5", CACHED: ">= 1"}
    named = f"train five experts, {steps} steps of {size}"
    for ours, peer in (*((TOGETHER, peer) for peer in (*LOOPS, IN_TURN)), (IN_TURN, CACHED)):
        yield replace(_row(named, ours, peer, runs, untrained), goal=goals.get(peer, ""))


def data_of(folder: Path, settings: Settings) -> dict[str, Data]:
    return {skill: _data(skill, folder, settings) for skill in worlds.SKILLS}


def train(name: str, painter: Painter, data: dict[str, Data], steps: int, batch_size: int) -> Run:
    """Five experts, in one of the five ways."""
    if name in LOOPS:
        return _theirs(painter, data, steps, batch_size, LOOPS[name])
    return _ours(painter, data, steps, batch_size, together=name == TOGETHER)


def _row(named: str, ours: str, peer: str, runs: dict[str, list[Run]], untrained: float) -> Row:
    pairs = [b.whole / a.whole for a, b in zip(runs[ours], runs[peer], strict=True)]
    own, other = ([getattr(run, field) for run in runs[name]] for name, field in ((ours, "whole"), (peer, "whole")))
    return Row(f"{named}: {ours}, {peer}", round(median(own), 3),
               round(median(other), 3), round(median(pairs), 3), "peer / ours", "", len(pairs),
               (round(min(pairs), 3), round(max(pairs), 3)), more={
                   "held_out": [round(fmean(run.held_out for run in runs[name]), 5) for name in (ours, peer)],
                   "held_out_untrained": round(untrained, 5),
                   "experts_a_forward": [runs[name][0].experts_a_forward for name in (ours, peer)],
                   "seconds_to_first_step": [round(median(run.first_step for run in runs[name]), 3)
                                             for name in (ours, peer)]})


def _theirs(painter: Painter, data: dict[str, Data], steps: int, batch_size: int, loop: Loop) -> Run:
    began, first, losses, spent = time.perf_counter(), 0.0, [], 0.0
    for of_skill in data.values():
        own = example.fresh(painter)
        for _ in example.train(own, (of_skill.files, of_skill.captions), steps, batch_size, loop):
            first = first or _since(began)
        measured = time.perf_counter()
        losses.append(_held_out(own, of_skill))
        spent += _since(measured)
    return Run(first, _since(began) - spent, fmean(losses))


def _ours(painter: Painter, data: dict[str, Data], steps: int, batch_size: int, together: bool) -> Run:
    began, own = time.perf_counter(), example.fresh(painter)
    denoiser, pool = Denoiser(own), _pool(own, data)
    training = Training(rank=example.RANK, alpha=example.RANK, learning_rate=example.LEARNING_RATE, steps=steps,
                        batch_size=batch_size, caption_dropout=0.0)
    mixture = Mixture(own.pipe.unet, {skill: Lora(example.RANK, example.RANK) for skill in data})
    learners = [Learner(skill, training, Stream(skill, pool, Rows([*pool.rows[skill]], []), training, 0),
                        mixture.parameters_of(skill)) for skill in data]
    first = 0.0
    planned = budget.plan(learners if together else learners[:1], mixture, denoiser, _loss)
    for group in [learners] if together else [[learner] for learner in learners]:
        while not group[0].finished:
            train_step(group, mixture, denoiser, _loss, Spread(planned.experts_a_forward))
            first = first or _since(began)
    whole, losses = _since(began), []
    for skill, of_skill in data.items():
        with mixture.mix({skill: 1.0}):
            losses.append(_held_out(own, of_skill))
    return Run(first, whole, fmean(losses), planned.experts_a_forward)


def _loss(denoiser: Denoiser, batch: Batch) -> Tensor:
    return denoise.loss(denoiser, batch, denoise.Config())


def _held_out(painter: Painter, data: Data) -> float:
    files, captions = data.held_out
    latents = painter.encode(to_pixels([Image.open(file) for file in files])).float()
    return example.held_out_loss(painter, latents, painter.embed(captions))


def _pool(painter: Painter, data: dict[str, Data]) -> Pool:
    files = [file for of_skill in data.values() for file in of_skill.files]
    captions = [caption for of_skill in data.values() for caption in of_skill.captions]
    latents, counts = painter.encode(to_pixels([Image.open(file) for file in files])).float(), 0
    spans = {}
    for skill, of_skill in data.items():
        spans[skill] = range(counts, counts := counts + len(of_skill.files))
    dtype = painter.pipe.unet.dtype
    return Pool(latents, painter.embed(captions), painter.empty, captions, spans,
                torch.promote_types(dtype, torch.float32), dtype)


def _data(skill: str, folder: Path, settings: Settings) -> Data:
    """Drawn scenes of a skill's frozen prompts as PNG files of the base's size."""
    prompts = [p.text for p in evaluation.load("validation", skill)]
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
