"""Whoever is asked for, all rows run through the base at once, and each as it would alone."""
import pytest
import torch
from diffusers import UNet2DConditionModel

from engine.core.errors import EngineError
from engine.experts import Training
from engine.experts.predictions import BASE, POLICY, Predictions
from engine.experts.sources.pictures.batches import Batch
from tests.experts.small_training import SmallTraining, painter_of

COUNTS = {"counting": 2, "styles": 1}


@pytest.fixture
def small(pipe, base):
    """Two experts that differ from the base and from each other."""
    small = SmallTraining(painter_of(pipe, base, torch.float64), counting=Training(rank=2), styles=Training(rank=3))
    for number, learner in enumerate(small.learners):
        torch.manual_seed(number)
        for parameter in learner.parameters:
            parameter.data.normal_(std=0.3)
    return small


@pytest.fixture
def batches(small):
    """Two batches of the same owners."""
    counting, styles = (learner.stream.batch(0, 1000) for learner in small.learners)
    return Batch.cat([counting[:2], styles[:1]]), Batch.cat([counting[2:4], styles[1:2]])


def alone(small, batch, mixes):
    with small.mixture.mix(small.mixture.rows(mixes)):
        return small.denoiser.predict(batch)


def test_each_row_has_the_expert_that_is_asked_for_in_one_forward_pass(small, batches, monkeypatch):
    forwards, forward = [], UNet2DConditionModel.forward

    def counted(self, sample, *args, **kwargs):
        forwards.append(len(sample))
        return forward(self, sample, *args, **kwargs)
    monkeypatch.setattr(UNet2DConditionModel, "forward", counted)
    one, other = batches
    policy = [{"counting": 1.0}, {"counting": 1.0}, {"styles": 1.0}]
    requests = {
        "policy of one": (one, POLICY, policy),
        "base of the other": (other, BASE, [{}, {}, {}]),
        "a named expert of one": (one, "styles", [{"styles": 1.0}] * 3),
        "policy of the other": (other, POLICY, policy),
    }
    with Predictions(small.denoiser, small.mixture, COUNTS) as model:
        predicted = model.predict(*((batch, who) for batch, who, _ in requests.values()))
    assert forwards == [12]
    for (what, (batch, _, mixes)), rows in zip(requests.items(), predicted, strict=True):
        assert (rows - alone(small, batch, mixes)).abs().max() < 1e-12, what


def test_a_snapshot_of_the_policy_gets_no_gradient_from_the_policys_rows(small, batches):
    """The opponent of self-play: an expert that only looks on."""
    with Predictions(small.denoiser, small.mixture, {"counting": 3}) as model:
        policy, _ = model.predict((batches[0], POLICY), (batches[0], "styles"))
        policy.square().sum().backward()
    by_name = {learner.name: learner.parameters for learner in small.learners}
    assert all(p.grad.abs().max() > 0 for p in by_name["counting"])
    assert all(p.grad is None or p.grad.abs().max() == 0 for p in by_name["styles"])


def test_errors_are_means_over_channels_and_pixels(small, batches):
    batch = batches[0]
    with Predictions(small.denoiser, small.mixture, COUNTS) as model:
        (errors,) = model.errors((batch, BASE))
    expected = (alone(small, batch, [{}] * 3) - small.denoiser.target(batch)).square()
    assert torch.allclose(errors, expected.flatten(1).mean(1))


def test_a_second_forward_pass_is_refused(small, batches):
    """Recomputed layers of the first would get the experts of the second."""
    with Predictions(small.denoiser, small.mixture, COUNTS) as model:
        model.predict((batches[0], POLICY))
        with pytest.raises(RuntimeError, match="once"):
            model.predict((batches[0], BASE))


def test_an_expert_that_is_not_there_is_told(small, batches):
    with (Predictions(small.denoiser, small.mixture, COUNTS) as model,
          pytest.raises(EngineError, match="No expert called 'nobody'")):
        model.predict((batches[0], "nobody"))


def test_after_the_with_the_base_is_bare_again(small, batches):
    with Predictions(small.denoiser, small.mixture, COUNTS) as model:
        model.predict((batches[0], POLICY))
    bare = small.denoiser.predict(batches[0])
    assert torch.equal(bare, alone(small, batches[0], [{}] * 3))
