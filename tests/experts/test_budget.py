"""What a training needs: counted where it can be, measured where it must; fewer experts a forward change nothing."""
from dataclasses import replace

import pytest
import torch

from engine.experts import Training, activations, budget
from engine.experts.training import Spread, train_step
from engine.models.lora.factors import ATTENTION, target_layers
from tests.benchmarks.worlds import sdxl_unet
from tests.experts.small_training import SmallTraining, painter_of

OWN = {"counting": Training(rank=2, steps=4, batch_size=2), "styles": Training(rank=3, steps=4, batch_size=1, ema=0.9)}


@pytest.fixture
def small(pipe, base):
    return SmallTraining(painter_of(pipe, base), **OWN)


@pytest.fixture
def planned(small, monkeypatch):
    """The experts' budget with so much memory free."""
    def plan(free, devices=1):
        monkeypatch.setattr(budget, "free_memory", lambda device, processes: free)
        return budget.plan(small.learners, small.mixture, small.denoiser, small.loss, devices)
    return plan


def test_weights_gradients_moments_and_averages_are_counted(small, planned):
    own = [sum(p.nbytes for p in learner.parameters) for learner in small.learners]
    found = planned(10**12)
    assert found.learning == 4 * own[0] + 5 * own[1] and found.rows == 3 and found.experts == 2
    assert found.held == own[0] + 2 * own[1], "weights and averages are there before the first step"
    assert found.base == sum(p.nbytes for p in small.denoiser.module.parameters())
    budget_step(small, 0)
    assert planned(10**12).held == 3 * own[0] + 4 * own[1], "and the moments after it"


def kept_bytes(small, rows):
    """Of the first learner."""
    return activations.activation_bytes(small.learners[0], small.mixture, small.denoiser, small.loss, rows)


def test_activations_grow_by_the_same_with_every_row(small):
    one, two, four = (kept_bytes(small, rows) for rows in (1, 2, 4))
    assert two > one and four - two == pytest.approx(2 * (two - one), rel=0.01)


def test_several_devices_share_the_rows(planned):
    assert (planned(10**12).rows, planned(10**12, devices=2).rows) == (3, 2)


def test_recomputing_keeps_less(small, monkeypatch):
    before = kept_bytes(small, 2)
    small.denoiser.module.enable_gradient_checkpointing()
    with monkeypatch.context() as patch:
        patch.setattr(activations, "_largest_part", lambda *_: 0)
        kept = kept_bytes(small, 2)
    recomputed = kept_bytes(small, 2)
    assert kept < before / 2 and kept < recomputed < before, "with the part that the backward pass builds anew"
    assert all(module.gradient_checkpointing for module in small.denoiser.module.modules()
               if hasattr(module, "gradient_checkpointing"))


def test_the_expert_that_keeps_most_decides(pipe, base):
    wide = Training(rank=3, steps=4, batch_size=1, targets=("to_q", "to_k", "to_v", "to_out.0", "conv1", "conv2"))
    alone = SmallTraining(painter_of(pipe, base), styles=wide)
    beside = SmallTraining(painter_of(pipe, base), **{**OWN, "styles": wide})
    of_one = kept_bytes(alone, 1)
    planned = budget.plan(beside.learners, beside.mixture, beside.denoiser, beside.loss)
    assert planned.activations_an_expert + planned.activations_a_row >= of_one


@pytest.mark.parametrize(("share", "together", "words"), [
    (2.0, 2, "free."), (0.95, 1, "So 1 of 2 experts share a forward."), (0.0, 1, "lower the rank")])
def test_as_many_experts_share_a_forward_as_fit(planned, share, together, words):
    whole = planned(10**12)
    found = planned(int(share * whole.needs(2, whole.rows) / budget.USABLE_SHARE))
    assert found.experts_a_forward == together and words in found.report()
    assert replace(found, free=0) == replace(whole, free=0, experts_a_forward=together)


def test_when_one_experts_rows_do_not_fit_smaller_batches_are_advised(planned):
    whole = planned(10**12)
    found = planned(int((whole.learning - whole.held + 1000) / budget.USABLE_SHARE))
    assert found.experts_a_forward == 1 and found.report().endswith("switch recompute on.")


def test_five_experts_of_rank_128_want_15_gigabytes_of_sdxl():
    with torch.device("meta"):
        unet = sdxl_unet()
    layers = target_layers(unet, ATTENTION).values()
    expert = [torch.empty(128, size, device="meta") for layer in layers for size in layer.weight.shape]
    assert 5 * budget.learning_bytes(Training(rank=128, ema=0.0), expert) == pytest.approx(14.9e9, rel=0.005)


def test_fewer_experts_a_forward_change_no_number(pipe, base):
    def trained(experts_a_forward):
        small = SmallTraining(painter_of(pipe, base, torch.float64), **OWN)
        for _ in range(4):
            budget_step(small, experts_a_forward)
        return [p.detach() for learner in small.learners for p in learner.parameters]
    assert all((one - other).abs().max() < 1e-12 for one, other in zip(trained(0), trained(1), strict=True))


def budget_step(small, experts_a_forward):
    train_step(small.learners, small.mixture, small.denoiser, small.loss, Spread(experts_a_forward))


@pytest.mark.parametrize(("size", "words"), [(5, "5 B"), (1500, "1.5 KB"), (2.5e6, "2.5 MB"), (14.9e9, "14.9 GB")])
def test_sizes_are_told_in_their_unit(size, words):
    assert budget.size_text(size) == words
