"""Leaving one out: the mean of the others, scored on the same prompts, with floor and ceiling beside it."""
import json

import pytest

from engine import evaluate
from engine.core.errors import EngineError
from engine.core.store import Store
from engine.evaluate.planning import CEILING, model_name
from engine.studies import leave_one_out
from engine.studies.leave_one_out import ALL, RESULT, Config
from tests import arithmetic


@pytest.fixture
def painted(monkeypatch):
    """Evaluation as arithmetic: what an arm scores is the weight of `good`."""
    def run(config, store):
        assert config.split == "validation"
        for arm, weights in config.models.items():
            for suffix, value in (("", weights.get("good", 0.0)), (".floor", 0.1)):
                arithmetic.score(config, store, model_name(arm, config.guidances[0]), value, suffix)
        arithmetic.score(config, store, CEILING, 1.0)
        yield from ()
    monkeypatch.setattr(evaluate, "run", run)


def test_only_experts_that_count_are_left_out():
    found = leave_one_out.arms(Config(experts={"a": 1.0, "b": 0.0, "c": 0.5}))
    assert set(found) == {ALL, "_without-a", "_without-c"}
    assert leave_one_out.arms(Config(experts={"a": 1.0, "b": 0.0})) == {ALL: {"a": 1.0, "b": 0.0}, "_without-a": {}}


def test_the_expert_that_is_needed_is_missed(painted, tmp_path):
    config = Config(experts={"good": 1.0, "bad": 1.0}, prompts_per_skill=2)
    events = list(leave_one_out.run(config, Store(tmp_path)))
    found = json.loads((tmp_path / RESULT).read_text())
    assert events[-1].kind == "done"
    assert (found["all"], found["floor"], found["ceiling"]) == (0.5, pytest.approx(0.1), 1)
    assert found["without"]["good"] == {"score": 0.0, "difference": [-0.5, -0.5, -0.5]}
    assert found["without"]["bad"]["difference"] == [0.5, 0.5, 0.5] and found["merge"]["guidance"] == 3.5


def test_the_average_of_the_others_is_an_average():
    arms = leave_one_out.arms(Config(experts={"a": 1.0, "b": 1.0, "c": 2.0}))
    assert arms[ALL] == {"a": 0.25, "b": 0.25, "c": 0.5} and arms["_without-c"] == {"a": 0.5, "b": 0.5}
    assert leave_one_out.arms(Config(experts={"a": 1.0, "b": 1.0}, method="weighted"))["_without-a"] == {"b": 1.0}


@pytest.mark.parametrize(("changes", "reason"), [
    ({"experts": {"a": 1.0}}, "cannot be left out"), ({"method": "ties"}, "is no sum of deltas"),
    ({"options": {"x": 1}}, "no option called 'x'"),
    ({"experts": {"a": 1.0, "b": 1e12}}, "weight of b is 1e"), ({"experts": {"a": float("nan"), "b": 1.0}}, "is nan")])
def test_what_makes_no_sense_is_refused(tmp_path, changes, reason):
    with pytest.raises(EngineError, match=reason):
        list(leave_one_out.run(Config(**({"experts": {"a": 1.0, "b": 1.0}} | changes)), Store(tmp_path)))
