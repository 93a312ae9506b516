"""What can be compared, and the sentence for what cannot."""
from dataclasses import replace
from typing import get_args, get_type_hints

import pytest

from engine import evaluate
from engine.core.errors import EngineError
from engine.evaluate import planning
from engine.models.samplers import SAMPLERS


@pytest.mark.parametrize("changes, sentence", [
    ({"models": {}}, "nothing to compare"),
    ({"guidances": ()}, "nothing to compare"),
    ({"guidances": (-1.0,)}, "Guidance -1.0 is no scale"),
    ({"guidances": ("high",)}, "Guidance 'high' is no scale"),
    ({"models": {"a/b": {}}}, "'a/b' cannot name a model"),
    ({"models": {"a@2": {}}}, "'a@2' cannot name a model"),
    ({"models": {"a": "much"}}, "Give it its experts' weights"),
    ({"models": {"a": {"counting": "much"}}}, "counting in a is 'much'.*a number"),
    ({"models": {"a": {"counting": float("nan")}}}, "counting in a is nan"),
    ({"models": {"a": {"counting": 1e12}}}, "counting in a is 1e\\+12.*-100 and 100"),
    ({"models": {"a": {"dogs": 1.0}}}, "'dogs'. Choose from counting, styles"),
    ({"own_guidance": {"merged": 2.0}}, "'merged' has a guidance.* no model"),
    ({"judge": "magic"}, "no judge called 'magic'. Choose one of"),
    ({"judge_options": {"strict": True}}, "storybook: no option called 'strict'"),
    ({"skills": ("juggling",)}, "No evaluation prompts for 'juggling'"),
    ({"prompts": "nowhere.jsonl"}, "no file nowhere.jsonl with prompts"),
    ({"model": "no such folder"}, "no folder 'no such folder'"),
])
def test_a_wrong_setting_is_a_sentence_before_anything_is_written(config, run_folder, changes, sentence):
    before = sorted(run_folder.folder.rglob("*"))
    with pytest.raises(EngineError, match=sentence):
        list(evaluate.run(replace(config, **changes), run_folder))
    assert sorted(run_folder.folder.rglob("*")) == before


def test_the_samplers_are_the_painters():
    assert set(get_args(get_type_hints(evaluate.Config)["sampler"])) == set(SAMPLERS)


def test_models_are_named_by_arm_and_scale():
    assert [planning.model_name("base", scale) for scale in (1, 2.0, 3.5, 10.0)] == [
        "base@1", "base@2", "base@3.5", "base@10"]


def test_an_arm_with_its_own_scale_is_painted_there_alone(config):
    rows = planning.rows(replace(config, own_guidance={"both": 2.0}), evaluate.check(config))
    assert {row.model for row in rows} == {"base@1", "base@3", "counting@1", "counting@3", "both@2"}
    assert all(len({row.guidance for row in shard}) == 1 for shard in planning.shards(rows, 5))


@pytest.mark.parametrize("model, arm", [
    ("merged@3.5", ("merged", 3.5)), ("base@2", ("base", 2.0)), ("ceiling", ("ceiling", None)), ("a@b", ("a@b", None)),
    ("a@1e-05", ("a", 1e-5))])
def test_a_model_is_an_arm_at_a_scale(model, arm):
    assert planning.arm_of(model) == arm
