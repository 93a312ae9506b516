"""The evaluation prompts are what was frozen, and apart from each other and from all that trains."""
import json
from collections import Counter

import numpy as np
import pytest

from engine.core.config import read_toml
from engine.core.errors import EngineError
from engine.storybook import WORLD, evaluation
from engine.storybook.captions import LEFT_OUT_COLOURS, LEFT_OUT_STYLES
from engine.storybook.language import parse
from engine.storybook.rules import imagine
from engine.storybook.scenes import paint
from engine.storybook.verdicts import verdict


def keys(split: str, skill: str) -> list[str]:
    return [parse(p.text).key() for p in evaluation.load(split, skill)]


def test_every_set_is_what_was_frozen() -> None:
    frozen = json.loads((evaluation.FOLDER / "frozen.json").read_text(encoding="utf-8"))
    assert frozen["world"] == WORLD
    assert set(frozen["sha256"]) == {f"{split}/{skill}" for split in evaluation.SIZES for skill in evaluation.SETS}


def test_a_changed_set_is_refused(tmp_path, monkeypatch) -> None:
    for name in json.loads((evaluation.FOLDER / "frozen.json").read_text(encoding="utf-8"))["sha256"]:
        path = tmp_path / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((evaluation.FOLDER / f"{name}.jsonl").read_bytes())
    (tmp_path / "frozen.json").write_bytes((evaluation.FOLDER / "frozen.json").read_bytes())
    with open(tmp_path / "test" / "counting.jsonl", "a", encoding="utf-8") as file:
        file.write("\n")
    monkeypatch.setattr(evaluation, "FOLDER", tmp_path)
    assert len(evaluation.load("test", "styles")) == 200
    with pytest.raises(EngineError, match="counting.jsonl is not what was frozen"):
        evaluation.load("test", "counting")


@pytest.mark.parametrize("skill", evaluation.SETS)
def test_sizes_and_names(skill: str) -> None:
    for split, size in {"validation": 100, "test": 200}.items():
        prompts = evaluation.load(split, skill)
        assert len(prompts) == len({p.id for p in prompts}) == size
        assert {p.skill for p in prompts} == {skill}


def test_no_scene_graph_is_asked_for_twice_nor_shown_as_an_example() -> None:
    everything = Counter(key for split in evaluation.SIZES for skill in evaluation.SETS for key in keys(split, skill))
    for skill in evaluation.SKILLS:
        examples = read_toml(evaluation.SKILL_FILES / f"{skill}.toml")["examples"]
        everything.update({parse(text).key() for text in examples})
    assert [key for key, times in everything.items() if times > 1] == []


def test_frozen_keys_hold_every_prompt() -> None:
    assert len(evaluation.frozen_keys()) == 300 * len(evaluation.SETS)
    assert set(keys("test", "places")) <= set(evaluation.frozen_keys())


def test_five_skills_are_trained_and_two_are_not() -> None:
    assert len(evaluation.SKILLS) == 5 and len(evaluation.UNTRAINED) == 2
    files = {path.stem for path in evaluation.SKILL_FILES.glob("*.toml")}
    assert set(evaluation.SKILLS) <= files and not files & set(evaluation.UNTRAINED)
    for skill in evaluation.UNTRAINED:
        assert evaluation.rules_of(skill) not in [evaluation.rules_of(s) for s in evaluation.SKILLS]


@pytest.mark.parametrize("split", evaluation.SIZES)
def test_the_left_out_set_asks_for_what_the_base_never_saw_and_the_others_do_not(split: str) -> None:
    def is_left_out(text: str) -> bool:
        graph = parse(text)
        return any((g.kind, g.colour) in LEFT_OUT_COLOURS or (g.kind, graph.style) in LEFT_OUT_STYLES
                   for g in graph.groups)

    for skill in evaluation.SETS:
        expected = skill == evaluation.LEFT_OUT
        assert all(is_left_out(p.text) == expected for p in evaluation.load(split, skill)), skill


def test_left_out_prompts_cover_every_combination() -> None:
    graphs = [parse(p.text) for p in evaluation.load("test", evaluation.LEFT_OUT)]
    assert {(g.kind, g.colour) for graph in graphs for g in graph.groups} >= set(LEFT_OUT_COLOURS)
    assert {(g.kind, graph.style) for graph in graphs for g in graph.groups} >= set(LEFT_OUT_STYLES)


@pytest.mark.parametrize("skill", evaluation.SETS)
def test_prompts_can_be_drawn(skill: str) -> None:
    rng = np.random.default_rng(1)
    for prompt in evaluation.load("validation", skill)[:15]:
        assert any(imagine(parse(prompt.text), rng) for _ in range(5)), prompt.text


def test_an_unknown_split_or_skill_gets_the_choices() -> None:
    with pytest.raises(EngineError, match="Choose one of validation, test"):
        evaluation.load("train", "places")
    with pytest.raises(EngineError, match="everyday, counting"):
        evaluation.load("test", "aesthetics")


@pytest.mark.parametrize("skill", evaluation.SETS)
def test_a_true_scene_is_true_before_the_vae(skill) -> None:
    for prompt in evaluation.load("validation", skill)[:10]:
        scene = evaluation.true_scene(prompt.text, seed=5)
        assert verdict(prompt.text, paint(scene)).exact
        assert scene == evaluation.true_scene(prompt.text, seed=5)
