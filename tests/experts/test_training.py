"""The step: exactness of training together, clipping, schedules, averages, no waiting."""
import math

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from engine.core.errors import EngineError
from engine.experts import Training
from engine.experts.learner import Learner
from engine.experts.objectives import denoise
from engine.experts.predictions import Predictions
from engine.experts.sources.pictures.batches import Batch
from engine.experts.training import held_out_loss
from engine.models.denoiser import Denoiser
from engine.models.lora.factors import Lora
from engine.models.mixture import Mixture
from tests.experts.small_training import SIDE, SmallTraining, library_of, painter_of


def test_training_together_is_training_apart(pipe, base):
    """In float64, 50 AdamW steps, per-expert clipping, rates, ranks and numbers of steps: <= 1e-12."""
    own = {"counting": Training(rank=2, alpha=5, steps=50, batch_size=2, learning_rate=1e-2, max_grad_norm=0.05),
           "styles": Training(rank=3, alpha=3, steps=40, batch_size=1, learning_rate=3e-3, max_grad_norm=0.5)}
    together = SmallTraining(painter_of(pipe, base, torch.float64), **own).train()
    for name, training in own.items():
        alone = SmallTraining(painter_of(pipe, base, torch.float64), **{name: training}).train()[name]
        for ours, theirs in zip(together[name], alone, strict=True):
            assert ours.dtype == torch.float64 and (ours - theirs).abs().max() <= 1e-12


def test_accumulation_equals_the_big_batch(pipe, base):
    weights = []
    for training in (Training(rank=2, steps=3, batch_size=6), Training(rank=2, steps=3, batch_size=2, accumulation=3)):
        weights.append(SmallTraining(painter_of(pipe, base, torch.float64), counting=training).train()["counting"])
    assert all((a - b).abs().max() <= 1e-12 for a, b in zip(*weights, strict=True))


def test_clipping_clips_each_expert_alone(pipe, base, monkeypatch):
    common = {"rank": 2, "steps": 1, "batch_size": 2}
    line = SmallTraining(painter_of(pipe, base), counting=Training(max_grad_norm=1e-4, **common),
                styles=Training(max_grad_norm=0.0, **common))
    norms = {}

    def record(optimizer):
        learner = next(one for one in line.learners if one.optimizer is optimizer)
        norms[learner.name] = torch.stack([p.grad.norm() for p in learner.parameters]).norm()

    for learner in line.learners:
        monkeypatch.setattr(learner.optimizer, "step", lambda optimizer=learner.optimizer: record(optimizer))
    line.step()
    clipped, free = line.learners
    assert clipped.grad_norm > 1e-3 and abs(norms["counting"] - 1e-4) < 1e-6
    assert torch.isclose(norms["styles"], free.grad_norm)


def test_nothing_in_the_step_waits_for_the_device(pipe, base):
    class Syncs(TorchDispatchMode):
        count = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            self.count += function in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default)
            return function(*args, **(kwargs or {}))

    line = SmallTraining(painter_of(pipe, base), counting=Training(rank=2, steps=2, batch_size=2, ema=0.9),
                styles=Training(rank=3, steps=2, batch_size=1, caption_dropout=0.5))
    line.step()
    with Syncs() as syncs:
        line.step()
        assert syncs.count == 0
        line.learners[0].grad_norm.item()
    assert syncs.count == 1, "the counter counts"


def learner(**training):
    parameter = torch.nn.Parameter(torch.zeros(1))
    return Learner("counting", Training(**training), None, [parameter]), parameter


def test_the_learning_rate_by_hand():
    constant, _ = learner(learning_rate=0.4, warmup_steps=4, steps=10)
    assert [constant.learning_rate(step) for step in (0, 1, 3, 4, 9)] == pytest.approx([0.1, 0.2, 0.4, 0.4, 0.4])
    cosine, _ = learner(learning_rate=0.4, warmup_steps=2, steps=10, schedule="cosine")
    assert [cosine.learning_rate(step) for step in (0, 1, 2, 6, 10)] == pytest.approx([0.2, 0.4, 0.4, 0.2, 0.0])
    assert cosine.learning_rate(9) == pytest.approx(0.2 * (1 + math.cos(math.pi * 7 / 8)))


def test_the_average_by_hand_and_that_it_is_what_is_measured():
    """decay min(ema, (1 + t) / (10 + t)): 1/10, then 2/11."""
    own, parameter = learner(ema=0.9, learning_rate=1e-9, weight_decay=0.0)
    for value in (10.0, 20.0):
        parameter.data.fill_(value)
        parameter.grad = torch.zeros(1)
        own.update()
    expected = 0.1 * 0 + 0.9 * 10
    expected = 2 / 11 * expected + 9 / 11 * 20
    assert own.average[0].item() == pytest.approx(expected)
    with own.averaged():
        assert parameter.item() == pytest.approx(expected)
    assert parameter.item() == 20.0


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_the_loss_is_diffusers(pipe, base, prediction):
    painter = painter_of(pipe, base, prediction_type=prediction)
    denoiser, schedule = Denoiser(painter), painter.pipe.scheduler
    library, generator = library_of(), torch.Generator().manual_seed(2)
    noise, times = torch.randn(3, 8, SIDE, SIDE, generator=generator), torch.tensor([0, 500, 999])
    batch = Batch(library.latents(torch.arange(3)), library.captions(torch.arange(3)), noise, times)
    with torch.no_grad():
        predicted = painter.pipe.unet(schedule.add_noise(batch.latents, noise, times), times,
                                      batch.text["embeddings"]).sample
        target = noise if prediction == "epsilon" else schedule.get_velocity(batch.latents, noise, times)
        expected = (predicted - target).pow(2).mean((1, 2, 3))
        mixture = Mixture(painter.pipe.unet, {"a": Lora(2, 2)})
        with Predictions(denoiser, mixture, {"a": 3}) as model:
            assert torch.allclose(denoise.loss(model, batch, denoise.Config()), expected, atol=1e-5)


def test_a_base_that_predicts_something_else_is_refused(pipe, base):
    with pytest.raises(EngineError, match="predicts 'sample'. Choose a base"):
        Denoiser(painter_of(pipe, base, prediction_type="sample"))


def test_the_held_out_loss_is_the_same_whenever_it_is_measured(pipe, base):
    line = SmallTraining(painter_of(pipe, base), counting=Training(rank=2, steps=2, batch_size=2, learning_rate=0.1))

    def measured():
        return held_out_loss(line.learners[0], line.mixture, line.denoiser, line.loss).item()

    first = measured()
    assert measured() == first and all(p.grad is None for p in line.learners[0].parameters)
    line.step()
    assert measured() != first
