"""Diffusion-DPO's identities, and the gradient of a reference written by hand with two models."""
import copy
import math

import pytest
import torch
from peft import LoraConfig
from torch.nn.functional import logsigmoid

from engine.experts import Training
from engine.experts.objectives import dpo
from engine.experts.predictions import BASE, POLICY, Predictions
from engine.experts.sources.pairs.batches import PairBatch
from engine.experts.training import held_out_loss
from tests.experts.small_training import SmallPreferences, painter_of

RANK, ALPHA = 2, 5


@pytest.fixture
def small(pipe, base):
    painter = painter_of(pipe, base, torch.float64)
    return SmallPreferences(painter, counting=Training(rank=RANK, alpha=ALPHA, batch_size=3, steps=2))


@pytest.fixture
def learner(small):
    (learner,) = small.learners
    return learner


@pytest.fixture
def batch(small, learner):
    return learner.stream.batch(0, small.denoiser.timesteps)


def moved(learner, std=0.2):
    torch.manual_seed(1)
    for parameter in learner.parameters:
        parameter.data.normal_(std=std)


def margins(small, batch, beta=100.0):
    with Predictions(small.denoiser, small.mixture, {"counting": len(batch)}) as model:
        return dpo.margin(model, batch, beta)


def losses(small, batch, beta=100.0):
    with Predictions(small.denoiser, small.mixture, {"counting": len(batch)}) as model:
        return dpo.loss(model, batch, dpo.Config(beta=beta))


def gradients(small, learner, batch, beta=100.0):
    for parameter in learner.parameters:
        parameter.grad = None
    with Predictions(small.denoiser, small.mixture, {"counting": len(batch)}) as model:
        dpo.loss(model, batch, dpo.Config(beta=beta)).mean().backward()
    return [p.grad for p in learner.parameters]


def swapped(batch):
    return PairBatch(batch.worse, batch.better)


def test_both_pictures_of_a_pair_have_the_same_noise_level_noise_and_caption(batch):
    for name in ("noise", "timesteps"):
        assert torch.equal(getattr(batch.better, name), getattr(batch.worse, name))
    assert torch.equal(batch.better.text["embeddings"], batch.worse.text["embeddings"])
    assert not torch.equal(batch.better.latents, batch.worse.latents)


def test_before_the_first_step_the_loss_is_log_2_and_b_alone_gets_a_gradient(small, learner, batch):
    """LoRA's B is zero, so the expert is the base; A's gradient goes through B, B's does not vanish."""
    assert torch.allclose(losses(small, batch), torch.full((3,), math.log(2), dtype=torch.float64), atol=1e-12)
    found = gradients(small, learner, batch)
    for a, b in zip(found[::2], found[1::2], strict=True):
        assert a.abs().max() < 1e-12 and b.abs().max() > 1e-6
    assert all(p.grad is None for p in small.denoiser.module.parameters()), "the base learns nothing"


def by_hand(small, learner, batch, beta):
    """Loss and gradients by their names in peft: the policy is one model, the reference another."""
    reference = copy.deepcopy(small.denoiser.module)
    policy = copy.deepcopy(reference)
    for unet in (reference, policy):
        for module in unet.modules():
            module._forward_hooks.clear()
    policy.add_adapter(LoraConfig(r=RANK, lora_alpha=ALPHA, target_modules=[*learner.training.targets]), "e")
    policy.to(torch.float64)
    adapter = {name.replace(".e.weight", ".weight"): p for name, p in policy.named_parameters() if ".e." in name}
    with torch.no_grad():
        for name, tensor in small.mixture.state("counting").items():
            adapter[name].copy_(tensor)

    def error(unet, pictures):
        schedule = small.denoiser
        own = copy.copy(schedule)
        own.module = unet
        return (own.predict(pictures) - own.target(pictures)).pow(2).mean((1, 2, 3))
    with torch.no_grad():
        base_better, base_worse = error(reference, batch.better), error(reference, batch.worse)
    inside = (error(policy, batch.better) - base_better) - (error(policy, batch.worse) - base_worse)
    loss = -logsigmoid(-beta / 2 * inside).mean()
    loss.backward()
    return loss.detach(), {name: p.grad for name, p in adapter.items()}


def test_loss_and_gradient_are_those_of_two_separate_models(small, learner, batch):
    moved(learner)
    loss, expected = by_hand(small, learner, batch, beta=100.0)
    assert (losses(small, batch).mean() - loss).abs() < 1e-12
    found = gradients(small, learner, batch)
    named = {}
    for path, a, b in zip(small.mixture.expert("counting"), found[::2], found[1::2], strict=True):
        named[f"{path}.lora_A.weight"], named[f"{path}.lora_B.weight"] = a, b.T
    assert set(named) == set(expected)
    for name, gradient in expected.items():
        assert gradient.abs().max() > 1e-6 and (named[name] - gradient).abs().max() < 1e-12, name


def test_swapping_better_and_worse_turns_the_margin(small, learner, batch):
    moved(learner)
    margin = margins(small, batch)
    assert margin.abs().min() > 0.01 and torch.allclose(margins(small, swapped(batch)), -margin, atol=1e-12)
    assert torch.allclose(losses(small, batch) - losses(small, swapped(batch)), -margin, atol=1e-12)


def test_without_beta_nothing_is_preferred(small, learner, batch):
    """For beta to 0 the loss goes to log 2, and its gradient to beta / 4 times that of the errors' difference."""
    moved(learner)
    assert torch.allclose(losses(small, batch, beta=0.0), torch.tensor(math.log(2), dtype=torch.float64))
    small_beta, half = gradients(small, learner, batch, beta=1e-6), gradients(small, learner, batch, beta=5e-7)
    for one, other in zip(small_beta, half, strict=True):
        assert torch.allclose(one, 2 * other, rtol=1e-5, atol=1e-18)


def test_beta_means_what_its_help_says(small, learner, batch):
    """5000 as in the authors' code is 2500 in diffusers' example, which has no 1/2."""
    moved(learner)
    with Predictions(small.denoiser, small.mixture, {"counting": 3}) as model:
        better, worse, base_better, base_worse = model.errors(
            (batch.better, POLICY), (batch.worse, POLICY), (batch.better, BASE), (batch.worse, BASE))
    inside = 2500 * ((base_better - base_worse) - (better - worse))
    assert torch.allclose(margins(small, batch, beta=5000.0), inside)


def test_the_same_picture_twice_teaches_nothing(small, learner, batch):
    moved(learner)
    same = PairBatch(batch.better, batch.better)
    assert margins(small, same).abs().max() < 1e-12
    assert all(gradient.abs().max() < 1e-12 for gradient in gradients(small, learner, same))


def test_training_together_is_training_apart(pipe, base):
    own = {"counting": Training(rank=2, alpha=5, steps=12, batch_size=2, learning_rate=1e-2, max_grad_norm=0.5),
           "styles": Training(rank=3, alpha=3, steps=9, batch_size=1, learning_rate=3e-3)}
    together = SmallPreferences(painter_of(pipe, base, torch.float64), **own).train()
    for name, training in own.items():
        alone = SmallPreferences(painter_of(pipe, base, torch.float64), **{name: training}).train()[name]
        for ours, theirs in zip(together[name], alone, strict=True):
            assert (ours - theirs).abs().max() <= 1e-12


def test_recomputing_changes_no_gradient(small, learner, batch):
    """Layers that are computed again get the experts of their rows again."""
    moved(learner)
    kept = gradients(small, learner, batch)
    small.denoiser.module.enable_gradient_checkpointing()
    small.denoiser.module.train()
    again = gradients(small, learner, batch)
    assert all((one - other).abs().max() < 1e-12 for one, other in zip(kept, again, strict=True))


def test_training_raises_the_margin(pipe, base):
    training = Training(rank=4, alpha=4, steps=15, batch_size=2, learning_rate=1e-2, caption_dropout=0.0)
    small = SmallPreferences(painter_of(pipe, base), counting=training)
    (learner,) = small.learners
    batch = learner.stream.batch(0, small.denoiser.timesteps)
    before = margins(small, batch).mean()
    small.train()
    after = margins(small, batch).mean()
    assert before.abs() < 1e-3 and after > 0.05
    assert held_out_loss(learner, small.mixture, small.denoiser, small.loss).isfinite()
