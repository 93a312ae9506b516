"""Every stage has one `check`: its run begins with it, and loading a recipe reaches it."""

import importlib
from dataclasses import replace
from types import ModuleType

import pytest

from engine import evaluate, experts, images, merge, recipes
from engine.cli import stages as command
from engine.core.errors import EngineError
from engine.core.store import Store
from engine.merge import export
from engine.option_groups import BaseModel
from engine.studies import grid, leave_one_out, search
from tests.bad_inputs.configs import CONFIGS
from tests.bad_inputs.configs import STAGES as MODULES

STAGES = [stage for stage in command.STAGES if stage != "pipeline"]
RECIPE = """
model = "storybook"
skills = ["counting"]
[prompts]
[images]
[experts.experts]
one = ["counting"]
[merge.experts]
one = 1.0
[evaluate.models]
base = {}
merged = { merged = 1.0 }
[validation]
[test]
"""


class Reached(EngineError):
    """What a stage's check says once it is marked."""


def mark(monkeypatch, stage: str) -> ModuleType:
    module = importlib.import_module(command.STAGES[stage].module)

    def check(config: object) -> None:
        assert isinstance(config, module.Config)
        raise Reached(f"{stage} was reached. Go on.")

    monkeypatch.setattr(module, "check", check)
    return module


@pytest.mark.parametrize("stage", STAGES)
def test_a_run_begins_with_its_check(stage, monkeypatch, tmp_path):
    module = mark(monkeypatch, stage)
    with pytest.raises(Reached):
        next(module.run(CONFIGS[stage], Store(tmp_path / "run")))
    assert not (tmp_path / "run").exists(), "nothing is made before"


@pytest.mark.parametrize("stage", recipes.STAGES)
def test_loading_a_recipe_reaches_every_check(stage, monkeypatch, tmp_path):
    file = tmp_path / "my.toml"
    file.write_text(RECIPE)
    assert recipes.load(file).merge
    mark(monkeypatch, stage)
    with pytest.raises(EngineError, match=rf"my.toml, \[{stage}\].*: {stage} was reached"):
        recipes.load(file)


@pytest.mark.parametrize("split", ["validation", "test"])
def test_both_evaluations_are_checked(split, monkeypatch, tmp_path):
    file = tmp_path / "my.toml"
    file.write_text(RECIPE)

    def check(config: evaluate.Config) -> None:
        if config.split == split:
            raise Reached("Go on.")

    monkeypatch.setattr(evaluate, "check", check)
    with pytest.raises(EngineError, match=rf"\[evaluate\] with \[{split}\]"):
        recipes.load(file)


LONG, ODD = "x" * 300, "../x"
EVALUATE, GRID = CONFIGS["evaluate"], CONFIGS["grid"]


@pytest.mark.parametrize(
    ("module", "config", "sentence"),
    [
        (merge, merge.Config({"one": 1.0}, name=ODD), "cannot be the name of a merge"),
        (
            merge,
            merge.Config({"one": 1.0}, name=LONG),
            "name of a merge.*64 letters at most",
        ),
        (merge, merge.Config({"one": 1.0}, name="con"), "Windows keeps it"),
        (merge, merge.Config({"one": 1.0}, name="x."), "Windows drops its end"),
        (merge, merge.Config({ODD: 1.0}), "cannot be the name of an expert"),
        (merge, merge.Config({}), "nothing to merge"),
        (
            merge,
            merge.Config({"one": 1.0}, options={"x": 1}),
            "method average: no option called 'x'",
        ),
        (experts, experts.Config(experts={}), "no expert to train"),
        (
            experts,
            experts.Config(experts={LONG: ["counting"]}),
            "too long for the name of an expert",
        ),
        (experts, experts.Config(experts={"one": [ODD]}), "cannot be the name of a skill"),
        (
            experts,
            experts.Config(experts={"one": ["a"]}, targets=("to_q", "to_z")),
            "called 'to_z'.*Choose targets",
        ),
        (
            experts,
            experts.Config(experts={"one": ["a"]}, overrides={"one": {"targets": ["attn1"]}}),
            "called 'attn1'",
        ),
        (
            experts,
            experts.Config(experts={"one": ["a"]}, model="/etc"),
            "no diffusers pipeline.*model_index.json",
        ),
        (
            experts,
            experts.Config(experts={"one": ["a"]}, objective="magic"),
            "no objective called 'magic'",
        ),
        (images, images.Config(skills=(ODD,)), "cannot be the name of a skill"),
        (
            images,
            images.Config(skills=("a",), encode_for="no such"),
            "There is no folder 'no such'",
        ),
        (images, images.Config(skills=("a",), encode_for="/etc"), "no diffusers pipeline"),
        (images, images.Config(skills=("a",), model=""), "There is no folder ''"),
        (
            images,
            images.Config(skills=("a",), judge_options={"x": 1}),
            "judge_options and no judge",
        ),
        (evaluate, replace(EVALUATE, model="/etc"), "no diffusers pipeline"),
        (
            evaluate,
            replace(EVALUATE, models={LONG: {}}, own_guidance={}),
            "too long for the name of a model",
        ),
        (
            evaluate,
            replace(EVALUATE, judge_options={"x": 1}),
            "judge storybook: no option called 'x'",
        ),
        (evaluate, replace(EVALUATE, prompts="missing.jsonl"), "There is no file missing.jsonl"),
        (evaluate, replace(EVALUATE, guidances=(1e12,)), "is no scale"),
        (grid, replace(GRID, name=ODD), "cannot be the name of a grid"),
        (grid, replace(GRID, model="/etc"), "no diffusers pipeline"),
        (grid, replace(GRID, judge="magic"), "no judge called 'magic'"),
        (search, search.Config(experts=("one", ODD)), "cannot be the name of an expert"),
        (
            search,
            search.Config(experts=("one", "two"), prompts="a.jsonl", test_prompts="b.jsonl"),
            "no file a.jsonl",
        ),
        (search, search.Config(experts=("one", "two"), judge="magic"), "no judge called 'magic'"),
        (
            leave_one_out,
            leave_one_out.Config({"one": 1.0, "two": 1.0}, model="/etc"),
            "no diffusers pipeline",
        ),
        (
            leave_one_out,
            leave_one_out.Config({"one": 1.0, ODD: 1.0}),
            "cannot be the name of an expert",
        ),
        (export, export.Config(ODD), "cannot be the name"),
        (export, export.Config("one", file=f"{LONG}.safetensors"), "File name too long"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_begins(module, config, sentence):
    with pytest.raises(EngineError, match=sentence):
        module.check(config)


@pytest.mark.parametrize(
    "name", [name for name, config in CONFIGS.items() if isinstance(config, BaseModel)]
)
def test_every_stage_with_a_base_refuses_an_encoder_that_is_none(name):
    with pytest.raises(EngineError, match="encoder called 'magic'.* native"):
        MODULES[name].check(replace(CONFIGS[name], encoder="magic"))


def test_samplers_are_those_there_are():
    from engine.core.config import build

    for name in ("images", "evaluate", "grid"):
        kind = type(CONFIGS[name])
        needed = (
            {"skills": ["a"]}
            if name == "images"
            else {"x": "a", "y": "b", "weights": {}}
            if name == "grid"
            else {}
        )
        with pytest.raises(EngineError, match="sampler is 'magic'.*one of dpmsolver"):
            build(kind, needed | {"sampler": "magic"})


def test_checks_load_no_weights():
    import subprocess
    import sys

    code = (
        "from tests.bad_inputs.configs import CONFIGS, STAGES; import sys\n"
        "for stage in set(CONFIGS) - {'adopt'}: STAGES[stage].check(CONFIGS[stage])\n"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
