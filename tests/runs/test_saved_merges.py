"""Weights that a run has saved, as presets and as sentences."""

import pytest

from engine import runs
from engine.core.errors import EngineError
from engine.core.store import read_json, write_json, write_text
from engine.merge.presets import RELEASED
from engine.runs import saved_merges
from tests.app.example_run import SKILLS


@pytest.fixture
def copy():
    """The example, to be changed."""
    return runs.open_store(runs.writable("example"))


def test_presets_are_selmas_and_the_saved_merges(example):
    presets = saved_merges.known_presets(example, SKILLS)
    base = read_json(example.expert("counting") / "recipe.json")["base"]["model"]
    assert presets[RELEASED].method == "weighted"
    assert presets[RELEASED].weights == dict.fromkeys(SKILLS, 1 / len(base))
    assert presets["merged"].weights == read_json(example.merge("merged") / "recipe.json")["experts"]


def test_a_run_without_experts_has_its_saved_merges_alone(example):
    assert list(saved_merges.known_presets(example, ())) == ["merged"]


def test_what_a_search_found_is_a_preset(copy):
    write_json(copy.folder / "searches" / "search-1" / "result.json", {"weights": {"counting": 0.25}})
    preset = saved_merges.known_presets(copy, SKILLS)["search-1"]
    assert (preset.method, preset.weights) == ("weighted", {"counting": 0.25})
    assert preset.hint == saved_merges.SEARCH_HINT


def test_a_merge_is_said_in_a_sentence(example):
    sentences = saved_merges.read(example).sentences
    assert sentences == {"merged": "average of counting 0.333, places 0.333, styles 0.333"}


@pytest.mark.parametrize("recipe", ["[]", "{}", '{"kind": "merge", "method": "average", "experts": ["counting"]}'])
def test_a_damaged_merge_is_told_and_hides_no_other(copy, recipe):
    file = copy.merge("broken") / "recipe.json"
    write_text(file, recipe)
    saved = saved_merges.read(copy)
    assert list(saved.recipes) == ["merged"]
    (sentence,) = saved.damaged
    assert str(file) in sentence
    assert "broken" not in saved_merges.known_presets(copy, SKILLS)


@pytest.mark.parametrize("result", ["[]", "{}", '{"weights": [1]}', '{"weights": {"counting": "1"}}'])
def test_a_damaged_search_is_a_sentence(copy, result):
    file = copy.folder / "searches" / "s" / "result.json"
    write_text(file, result)
    with pytest.raises(EngineError, match="result.json is damaged"):
        saved_merges.known_presets(copy, SKILLS)
