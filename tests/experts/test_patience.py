"""Stopping early: the best weights are kept, a stopped expert costs nothing more, and a resumed one remembers."""
import pytest
import torch

from engine import experts
from engine.experts import Training, budget
from engine.experts.learner import Learner
from tests.experts.small_training import SmallTraining, painter_of
from tests.experts.worlds import config


@pytest.fixture
def learner(pipe, base):
    training = Training(rank=2, steps=50, batch_size=2, patience=2)
    return SmallTraining(painter_of(pipe, base), counting=training).learners[0]


def weights(learner):
    return [p.detach().clone() for p in learner.parameters]


def set_to(learner, value):
    for parameter in learner.parameters:
        parameter.data.fill_(value)


def test_it_stops_after_its_patience_with_its_best_weights(learner):
    for value, held_out in ((1.0, 0.5), (2.0, 0.4), (3.0, 0.45)):
        set_to(learner, value)
        learner.note(held_out)
        assert not learner.finished
    set_to(learner, 4.0)
    learner.note(0.41)
    assert learner.finished and learner.stopped_early
    assert all((weight == 2.0).all() for weight in weights(learner))


def test_where_the_steps_run_out_first_the_best_are_kept_too(learner):
    for value, held_out in ((1.0, 0.4), (2.0, 0.5)):
        set_to(learner, value)
        learner.step = 50 if value == 2.0 else 1
        learner.note(held_out)
    assert not learner.stopped_early and all((weight == 1.0).all() for weight in weights(learner))


def test_a_new_best_renews_the_patience(learner):
    for held_out in (0.5, 0.6, 0.4, 0.6, 0.3, 0.6):
        learner.note(held_out)
    assert not learner.finished


def test_averaged_weights_are_what_is_kept(pipe, base):
    learner = SmallTraining(painter_of(pipe, base), counting=Training(rank=2, patience=1, ema=0.9)).learners[0]
    learner.note(0.1)
    best = [tensor.clone() for tensor in learner.average]
    for tensor in learner.average:
        tensor.add_(1.0)
    learner.note(0.2)
    assert all(torch.equal(one, other) for one, other in zip(best, learner.average, strict=True))


def test_without_patience_nothing_is_kept_or_stopped(pipe, base):
    learner = SmallTraining(painter_of(pipe, base), counting=Training(rank=2)).learners[0]
    for held_out in range(100):
        learner.note(float(held_out))
    assert not learner.finished and not learner.best


def test_what_only_learning_needs_is_given_back(learner):
    for parameter in learner.parameters:
        parameter.grad = torch.ones_like(parameter)
    learner.update()
    learner.note(0.5)
    kept = weights(learner)
    assert learner.optimizer.state and learner.best
    learner.release()
    assert not learner.optimizer.state and not learner.best and not learner.average
    assert all(torch.equal(one, other) for one, other in zip(kept, learner.parameters, strict=True))


def test_an_expert_that_is_done_pays_for_no_row_and_no_memory_more(base, store, monkeypatch, rows_learned):
    released, release = [], Learner.release

    def noted(self):
        released.append((self.name, len(rows_learned)))
        release(self)
    monkeypatch.setattr(Learner, "release", noted)
    monkeypatch.setattr(budget, "activation_bytes", lambda learner, mixture, denoiser, loss, rows: rows)
    overrides = {"styles": {"steps": 2, "batch_size": 3}, "counting": {"steps": 5, "batch_size": 1}}
    list(experts.run(config(base, overrides=overrides), store))
    assert rows_learned == [4, 4, 1, 1, 1] and released == [("styles", 2), ("counting", 5)]


def test_a_resumed_learner_remembers(learner, pipe, base):
    set_to(learner, 2.0)
    learner.note(0.4)
    learner.note(0.5)
    other = SmallTraining(painter_of(pipe, base), counting=learner.training).learners[0]
    set_to(learner, 3.0)
    learner.optimizer.step()
    for parameter in learner.parameters:
        learner.optimizer.state[parameter] = {"step": torch.tensor(1.0), "exp_avg": torch.zeros_like(parameter),
                                              "exp_avg_sq": torch.zeros_like(parameter)}
    other.load(7, 7, learner.state())
    assert (other.best_loss, other.worse_times) == (0.4, 1)
    other.note(0.6)
    assert other.finished and all((weight == 2.0).all() for weight in weights(other))
