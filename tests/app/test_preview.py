"""The two pictures of the merge tab, on a real pipeline with small random weights."""
from pathlib import Path

import numpy as np
import pytest

from app.preview import Ask, Preview
from app.tabs import merge
from engine.core.errors import EngineError
from engine.core.store import Store, write_json
from tests.app.example_run import SKILLS, add_weights, make_run
from tests.tiny_models import tiny_stable_diffusion

ONES = dict.fromkeys(SKILLS, 1.0)


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    return tiny_stable_diffusion(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def run(base, tmp_path_factory) -> Store:
    store = make_run(tmp_path_factory.mktemp("run"), str(base), prompts=2, judged=1)
    add_weights(store, base)
    return store


@pytest.fixture(scope="module")
def preview() -> Preview:
    return Preview()


def paint(preview, run, weights, prompt="two red balls", seed=3):
    return [np.asarray(image, dtype=int) for image in preview.paint(run, Ask(prompt, seed, 3.5, weights, steps=2))]


def test_the_base_stays_and_the_merged_picture_follows_the_weights(preview, run):
    base, merged = paint(preview, run, ONES)
    again, other = paint(preview, run, {**ONES, "styles": 0.0})
    assert np.abs(base - again).max() <= 1
    assert np.abs(merged - base).max() > 20 and np.abs(merged - other).max() > 5


def test_while_only_sliders_move_the_base_is_not_painted_again(preview, run, monkeypatch):
    base, merged = paint(preview, run, ONES, seed=9)
    rows = []
    real = preview._painter.paint
    monkeypatch.setattr(preview._painter, "paint", lambda texts, *rest, **more: rows.append(len(texts)) or real(
        texts, *rest, **more))
    again, alone = paint(preview, run, ONES, seed=9)
    assert rows == [1] and (again == base).all() and np.abs(alone - merged).max() <= 1
    paint(preview, run, ONES, seed=10)
    assert rows == [1, 2]


def test_without_weight_both_are_the_same_picture(preview, run):
    base, merged = paint(preview, run, dict.fromkeys(SKILLS, 0.0))
    assert np.abs(base - merged).max() <= 1


def test_the_noise_is_the_seeds(preview, run):
    first, second = (paint(preview, run, ONES, seed=seed)[0] for seed in (1, 2))
    assert np.abs(first - second).max() > 20
    assert (paint(preview, run, ONES, seed=1)[0] == first).all()


def test_an_expert_trained_anew_is_read_anew(preview, run, base, tmp_path):
    changed = make_run(tmp_path, str(base), prompts=2, judged=1)
    add_weights(changed, base)
    before = paint(preview, changed, ONES)[1]
    (changed.expert("styles") / "pytorch_lora_weights.safetensors").unlink()
    after = paint(preview, changed, ONES)[1]
    assert np.abs(before - after).max() > 5 and preview.is_warm(changed)


def test_a_base_that_is_not_there_is_a_sentence(run, tmp_path):
    write_json(Store(tmp_path).expert("a") / "recipe.json", {"base": {"model": "/nowhere/at/all"}})
    with pytest.raises(EngineError, match="/nowhere/at/all"):
        Preview().paint(Store(tmp_path), Ask("a ball", 1, 2.0, {}))


@pytest.fixture
def shown(preview, run, monkeypatch):
    """The tab's painting, on this run."""
    monkeypatch.setenv("SELMA_EXAMPLE", str(run.folder))
    monkeypatch.setattr(merge, "PREVIEW", preview)
    monkeypatch.setattr(merge, "STEPS", 2)
    options = {"strength": 1.0}
    return lambda prompt, weights=ONES: list(merge.paint("example", prompt, 3, 3.5, weights, "average", options))


def test_the_judge_reads_under_each_picture(shown):
    *_, (pair, note, suggestion) = shown("two red balls and a blue star")
    assert pair.count("<img") == 2 and pair.count("Are there exactly two balls?") == 2
    assert not note.visible and not suggestion.visible


def test_an_unreadable_prompt_gets_its_known_words_and_the_nearest_sentence(shown):
    *_, (pair, note, suggestion) = shown("a red dog on a skateboard")
    assert "<mark>red</mark>" in note.value and "dog" in note.value and note.visible
    assert suggestion.value == "a red ball" and suggestion.visible and pair.count("Unscored") == 2
    *_, (pair, note, _) = shown(suggestion.value)
    assert "Unscored" not in pair and not note.visible


def test_weights_that_make_no_mean_are_told_where_the_pictures_would_be(shown):
    *_, (pair, _, _) = shown("a ball", dict.fromkeys(SKILLS, 0.0))
    assert 'role="alert"' in pair and "weighted" in pair


def test_no_experts_and_no_prompt(shown):
    (pair, *_), = shown("a ball", {})
    assert "No experts to merge yet" in pair
    assert len(shown("   ")) == 1


def test_sliders_follow_the_experts_and_keep_what_was_slid(shown):
    names, *rest = merge.show("example", [])
    assert names == list(SKILLS)
    assert [slider.visible for slider in rest[:12]] == [True] * 3 + [False] * 9 and rest[0].label == "counting"
    assert all(value == {"__type__": "update"} for value in merge.show("example", names)[1:13])
    assert "average of counting 0.333" in merge.show("example", [])[-1]


def test_another_prompt_is_one_nobody_has_learned_from(shown, run):
    assert merge.another_prompt("example", "a ball") != "a ball"
