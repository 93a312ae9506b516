"""What a training needs: counted where it can be, measured where it must; fewer experts a forward change nothing."""
from dataclasses import replace

import pytest
import torch

from engine.experts import Training, budget
from engine.experts.training import Spread, train_step
from tests.experts.test_training import Line, painter_of, pipe  # noqa: F401 - a fixture

OWN = {"counting": Training(rank=2, steps=4, batch_size=2), "styles": Training(rank=3, steps=4, batch_size=1, ema=0.9)}


@pytest.fixture
def line(pipe, base):  # noqa: F811
    return Line(painter_of(pipe, base), **OWN)


def planned(line, free):
    return budget.plan(line.learners, line.mixture, line.denoiser, line.loss, free)


def test_weights_gradients_moments_and_averages_are_counted(line):
    own = [sum(p.nbytes for p in learner.parameters) for learner in line.learners]
    found = planned(line, 10**12)
    assert found.learning == 4 * own[0] + 5 * own[1] and found.rows == 3 and found.experts == 2
    assert found.base == sum(p.nbytes for p in line.denoiser.unet.parameters())


def test_activations_of_a_row_grow_with_the_rows(line):
    learner = line.learners[0]
    one = budget.activation_bytes(learner, line.mixture, line.denoiser, line.loss)
    kept: dict[int, int] = {}
    held = []

    def keep(tensor):
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        held.append(tensor)
        return tensor
    batch = learner.stream.batch(0, line.denoiser.timesteps)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda t: t), line.mixture.grouped({learner.name: 2}):
        line.loss(line.denoiser, batch)
    assert 0 < one < sum(kept.values()) < 3 * one + budget.plan(
        line.learners, line.mixture, line.denoiser, line.loss, 10**12).base + 10**6


def test_recomputing_keeps_less(line):
    before = budget.activation_bytes(line.learners[0], line.mixture, line.denoiser, line.loss)
    line.denoiser.unet.enable_gradient_checkpointing()
    assert budget.activation_bytes(line.learners[0], line.mixture, line.denoiser, line.loss) < before / 2


@pytest.mark.parametrize(("share", "together", "words"), [
    (2.0, 2, "free."), (0.95, 1, "So 1 of 2 experts share a forward."), (0.0, 1, "lower batch_size")])
def test_as_many_experts_share_a_forward_as_fit(line, share, together, words):
    whole = planned(line, 10**12)
    needs = whole.learning + whole.rows * whole.activations_a_row
    found = planned(line, int(share * needs / budget.USABLE_SHARE))
    assert found.experts_a_forward == together and words in found.told()
    assert replace(found, free=0) == replace(whole, free=0, experts_a_forward=together)


def test_fewer_experts_a_forward_change_no_number(pipe, base):  # noqa: F811
    def trained(experts_a_forward):
        line = Line(painter_of(pipe, base, torch.float64), **OWN)
        for _ in range(4):
            budget_step(line, experts_a_forward)
        return [p.detach() for learner in line.learners for p in learner.parameters]
    assert all((one - other).abs().max() < 1e-12 for one, other in zip(trained(0), trained(1), strict=True))


def budget_step(line, experts_a_forward):
    train_step(line.learners, line.mixture, line.denoiser, line.loss, Spread(experts_a_forward))


@pytest.mark.parametrize(("size", "words"), [(5, "5 B"), (1500, "1.5 KB"), (2.5e6, "2.5 MB"), (14.9e9, "14.9 GB")])
def test_sizes_are_told_in_their_unit(size, words):
    assert budget._size(size) == words
