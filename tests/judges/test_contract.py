"""Every judge keeps the contract, and a new one is a file: tables, forms and the README find it by itself."""
import re
from dataclasses import fields, is_dataclass

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from app.forms.picker import pick
from engine import evaluate, judges
from engine.core import plugins
from engine.core.evidence import Answer, Evidence
from engine.core.types import Prompt, Score
from engine.evaluate import score_files, summary
from engine.evaluate.standings import best_scale, units
from engine.release import tables
from engine.storybook.scenes import Scene, Thing, paint
from tests.plugin_files import in_guide, install

TOY = '''"""How dark a picture is. [Toy](https://example.org/toy)"""
from dataclasses import dataclass, field
import numpy as np
from engine.core.types import Score
SCALE, HIGHER_IS_BETTER, METRICS = (0.0, 255.0), False, ()
@dataclass(frozen=True)
class Config:
    channel: int = field(default=0, metadata={"help": "Red, green or blue", "range": (0, 2)})
def judge(config):
    return lambda prompts, pictures, seeds: [
        Score(p.id, seed, "darkness", float(np.asarray(picture)[..., config.channel].mean()))
        for p, picture, seed in zip(prompts, pictures, seeds, strict=True)]
'''
PROMPTS = [Prompt("a", "s", "a red ball on the grass"), Prompt("b", "s", "two blue stars"), Prompt("c", "s", ""),
           Prompt("d", "s", "a dog on a skateboard")]
BALL = Image.fromarray(paint(Scene((Thing("ball", "red", 30, 30, 9),), "grass", "filled")))
PICTURES = [BALL, BALL.resize((96, 96)), Image.new("RGB", (64, 64)), Image.effect_noise((64, 64), 200).convert("RGB")]
SEEDS = [5, 6, 7, 8]


@pytest.fixture
def darkness(tmp_path, monkeypatch):
    return install(judges, "darkness", TOY, tmp_path, monkeypatch)


@pytest.fixture
def redness(tmp_path, monkeypatch):
    """The one that the guide shows."""
    return install(judges, "redness", in_guide("engine/README.md", "engine/judges/redness.py"), tmp_path, monkeypatch)


@pytest.fixture(params=[*plugins.names(judges), "darkness", "redness"])
def module(request):
    if request.param in ("darkness", "redness"):
        return request.getfixturevalue(request.param)
    return plugins.load(judges, request.param)


def test_a_judge_is_documented_with_its_paper(module):
    assert re.search(r"\[[^]]+\]\(https://[^)\s]+\)", module.__doc__)
    assert len(module.__doc__.splitlines()[0]) < 121


def test_a_judge_has_a_config_whose_fields_have_defaults_and_help(module):
    assert is_dataclass(module.Config)
    module.Config()
    assert all(option.metadata.get("help") for option in fields(module.Config))


def test_a_judge_declares_scale_direction_and_metrics(module):
    low, high = module.SCALE
    assert low < high and isinstance(module.HIGHER_IS_BETTER, bool)
    unknown = set(module.METRICS) - set(judges.ALL_METRICS)
    assert not unknown, f"{unknown} in METRICS. Choose from {', '.join(judges.ALL_METRICS)}, or leave it empty"


def test_pictures_judged_together_score_as_each_would_alone(module):
    judge = module.judge(module.Config())
    together = judge(PROMPTS, PICTURES, SEEDS)
    alone = [judge([prompt], [picture], [seed])[0]
             for prompt, picture, seed in zip(PROMPTS, PICTURES, SEEDS, strict=True)]
    assert together == alone == judge(PROMPTS, PICTURES, SEEDS)
    assert judge([], [], []) == []


def test_a_score_is_of_its_prompt_and_seed_and_lies_in_the_scale(module):
    scores = module.judge(module.Config())(PROMPTS, PICTURES, SEEDS)
    assert [(score.prompt_id, score.seed) for score in scores] == [("a", 5), ("b", 6), ("c", 7), ("d", 8)]
    assert {score.judge for score in scores} == {module.__name__.rpartition(".")[2]}
    low, high = module.SCALE
    assert all(score.value is None or low <= score.value <= high for score in scores)
    assert all(score.unscored for score in scores if score.value is None)
    assert scores[0].value is not None


def test_what_a_judge_cannot_read_it_leaves_unscored(module):
    why = getattr(module, judges.WHY_UNREADABLE, lambda prompt: None)
    for prompt, score in zip(PROMPTS, module.judge(module.Config())(PROMPTS, PICTURES, SEEDS), strict=True):
        assert (score.unscored or None) == why(prompt)


def test_a_new_judge_is_summarised_by_its_mean(darkness, tmp_path):
    scores = [Score(key, 1, "darkness", value, Evidence(skill="s")) for key, value in (("a", 100.0), ("b", 50.0))]
    found = summary.summarise(scores)
    assert found.macro == 75.0 and found.by_skill == {"s": 75.0}
    assert (found.selma, found.exact, found.flagged, found.by_category) == (None, None, None, {})
    assert score_files.read(tmp_path / "nothing") == []


def test_what_it_does_not_declare_is_not_reported_though_there_is_evidence(darkness):
    evidence = Evidence((Answer(1, "entity", "a ball?", (), False),), exact=True, skill="s")
    found = summary.summarise([Score("a", 1, "darkness", 100.0, evidence)])
    assert found.macro == 100.0 and found.selma is None and found.exact is None


def test_the_lowest_is_the_best_where_a_judge_says_so(darkness):
    judged = {scale: [Score("a", 1, "darkness", value, Evidence(skill="s"))]
              for scale, value in ((2.0, 80.0), (5.0, 30.0))}
    assert best_scale(judged) == 5.0
    unit = units.judge_unit("darkness", [])
    assert unit.verdict(units.Interval(-5.0, -7.0, -3.0)) == "better"
    assert unit.verdict(units.Interval(5.0, 3.0, 7.0)) == "worse"


def test_a_new_judge_has_a_form_with_its_own_options(darkness):
    with gr.Blocks():
        picker = pick("evaluate", plugins.slot(evaluate.Config, "judge"), "storybook")
    assert "darkness" in [value for _, value in picker.choice.choices]
    assert picker.forms["darkness"].components["channel"].label


def test_a_new_judge_has_a_row_in_the_readme(tmp_path, monkeypatch, darkness):
    monkeypatch.setattr(tables, "ROOT", tmp_path)
    monkeypatch.setitem(tables.FAMILIES, "judge", "plugins/*.py")
    assert "| `darkness` | How dark a picture is. [Toy](https://example.org/toy) |" in tables.plugin_table("judge")


def test_a_judge_whose_file_is_gone_may_have_given_anything():
    declared = judges.declaration("gone since")
    assert declared.scale is None and declared.gain(3.0) == 3.0 and declared.metrics == judges.ALL_METRICS


def test_the_toy_judges_what_it_says(darkness):
    grey = Image.fromarray(np.full((4, 4, 3), (1, 2, 3), np.uint8))
    judge = darkness.judge(darkness.Config(channel=2))
    assert [score.value for score in judge(PROMPTS[:1], [grey], [0])] == [3.0]
