"""An expert's or a merge's recipe makes it again."""

import tomllib
from dataclasses import asdict

import pytest

from engine.core.config import build
from engine.core.errors import EngineError
from engine.core.store import write_json
from engine.experts import Config, Training
from engine.merge import Config as Merge
from engine.runs import recipe_texts
from tests.app.example_run import MIX

TRAINING = Training(
    rank=4,
    targets=("to_q",),
    init="kaiming",
    same_start=True,
    schedule="cosine",
    warmup_steps=3,
    accumulation=2,
    weight_decay=0.5,
    max_grad_norm=2.0,
    patience=4,
    flip=True,
    steps=77,
)
OTHER_OPTIONS = {
    "model": "storybook",
    "revision": None,
    "objective": "denoise",
    "options": {},
    "seed": 9,
    "precision": "bf16",
    "held_out": 0.2,
}


def test_an_experts_recipe_makes_it_again():
    name = {"kind": "expert", "name": "styles", "skills": ["styles", "places"], "shard": [1, 5, 0]}
    made = {**asdict(TRAINING), **OTHER_OPTIONS, **name, "step": 77, "images": {}}
    again = build(Config, tomllib.loads(recipe_texts.text_of(made))["experts"])
    assert again.training("styles") == TRAINING
    assert again.experts == {"styles": ["styles", "places"]}
    assert again.shards == {"styles": [1, 5, 0]}
    assert {name: getattr(again, name) for name in OTHER_OPTIONS} == OTHER_OPTIONS


def test_of_an_expert_only_what_makes_it_stands_in_its_recipe():
    name = {"kind": "expert", "name": "styles", "skills": ["styles"]}
    text = recipe_texts.text_of({**name, "rank": 4, "learning_rate": 1e-4, "base": {}})
    experts = {"styles": ["styles"]}
    assert tomllib.loads(text) == {"experts": {"rank": 4, "learning_rate": 1e-4, "experts": experts}}


def test_a_merges_recipe_makes_it_again():
    merge = Merge({"a": 1.0}, name="m", method="ties", options={"density": 0.2})
    parents = {"a": {"sha256": "0"}}
    made = {"kind": "merge", **asdict(merge), "parents": parents, "base": {"model": "x"}}
    assert build(Merge, tomllib.loads(recipe_texts.text_of(made))["merge"]) == merge


def test_a_part_of_a_run_is_found_by_its_name(example):
    text = recipe_texts.part_text(example, "merged")
    assert tomllib.loads(text)["merge"]["experts"] == MIX
    assert tomllib.loads(recipe_texts.part_text(example, "styles"))["experts"]["experts"] == {"styles": ["styles"]}


def test_what_the_run_does_not_have_is_refused_with_what_it_has(example):
    with pytest.raises(EngineError, match="'nobody'.*counting, places, .*merged"):
        recipe_texts.part_text(example, "nobody")


def test_what_others_made_has_no_recipe(runs_folder, tmp_path):
    from engine.core.store import Store

    run = Store(tmp_path / "adopting")
    write_json(run.expert("theirs") / "recipe.json", {"kind": "adopted", "name": "theirs"})
    with pytest.raises(EngineError, match="^theirs was not made here"):
        recipe_texts.part_text(run, "theirs")
    assert recipe_texts.read(run.expert("nobody")) == ""
