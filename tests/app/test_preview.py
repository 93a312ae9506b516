"""The two pictures of the merge tab, on a real pipeline with small random weights."""
import json

import numpy as np
import pytest
import torch

from app.tabs import merge
from app.tabs.merge import comparison, grid_pane, prompt_box, sliders
from engine import jobs, runs
from engine.core.errors import EngineError
from engine.core.store import Store, write_json
from engine.merge import preview_weights
from engine.runs import contents
from engine.runs.preview import Cell, Mix, Preview
from tests.app.example_run import SKILLS, add_weights, make_run

ONES = dict.fromkeys(SKILLS, 1.0)


@pytest.fixture(scope="module")
def preview() -> Preview:
    return Preview()


def paint(preview, run, weights, seed=3, method="weighted", **options):
    """The base's and the merged picture."""
    cells = [Cell("two red balls", seed, 3.5, mix, steps=2) for mix in (None, Mix.of(method, options, weights))]
    return [np.asarray(image, dtype=int) for image in preview.paint(run, cells)]


def test_the_base_stays_and_the_merged_picture_follows_the_weights(preview, run):
    base, merged = paint(preview, run, ONES)
    again, other = paint(preview, run, {**ONES, "styles": 0.0})
    assert np.abs(base - again).max() <= 1
    assert np.abs(merged - base).max() > 20 and np.abs(merged - other).max() > 5


@pytest.mark.parametrize("method", ["weighted", "ties", "compress"])
def test_a_weight_beyond_all_use_is_a_sentence(preview, run, method):
    with pytest.raises(EngineError, match=r"weight of styles is 1e\+12. Give it one between -100 and 100"):
        paint(preview, run, {**ONES, "styles": 1e12}, method=method)


def test_while_only_sliders_move_nothing_else_is_painted_again(preview, run, monkeypatch):
    base, merged = paint(preview, run, ONES, seed=9)
    rows = []
    painter = preview._ensemble.painter
    real = painter.paint
    monkeypatch.setattr(painter, "paint", lambda texts, *rest, **more: rows.append(len(texts)) or real(
        texts, *rest, **more))
    again, other = paint(preview, run, {**ONES, "styles": 0.5}, seed=9)
    assert rows == [1] and (again == base).all() and np.abs(other - merged).max() > 5
    back = paint(preview, run, ONES, seed=9)
    assert rows == [1] and (back[1] == merged).all(), "what was painted is remembered"
    paint(preview, run, ONES, seed=10)
    assert rows == [1, 2]


def test_beside_a_job_one_thread_is_enough(preview, run, monkeypatch):
    threads = []
    monkeypatch.setattr(preview, "_threads", 2)
    monkeypatch.setattr(torch, "set_num_threads", threads.append)
    monkeypatch.setattr(jobs, "running", lambda: object())
    paint(preview, run, ONES, seed=21)
    monkeypatch.setattr(jobs, "running", lambda: None)
    paint(preview, run, ONES, seed=22)
    assert threads == [1, 2]


def test_every_expert_alone_is_the_merge_of_it_with_nothing(preview, run):
    alone, = preview.paint(run, [Cell("two red balls", 3, 3.5, Mix.alone("styles"), steps=2)])
    zero = {**dict.fromkeys(SKILLS, 0.0), "styles": 1.0}
    assert np.abs(np.asarray(alone, dtype=int) - paint(preview, run, zero)[1]).max() <= 1


@pytest.mark.parametrize(("method", "options"), [("ties", {"density": 1.0}), ("compress", {"rank": 64})])
def test_methods_that_are_no_sum_are_painted_as_what_they_make(preview, run, method, options):
    weights = {"styles": 1.0, "counting": 0.0, "places": 0.0}
    base, merged = paint(preview, run, weights, method=method, **options)
    _, expected = paint(preview, run, weights)
    assert np.abs(merged - expected).max() <= 2 < np.abs(merged - base).max()
    assert np.abs(paint(preview, run, weights)[0] - base).max() <= 1, "and leave the base as it was"


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
        Preview().paint(Store(tmp_path), [Cell("a ball", 1, 2.0)])


@pytest.fixture
def shown(preview, run, monkeypatch):
    """The tab's painting, on this run."""
    monkeypatch.setenv("SELMA_EXAMPLE", str(run.folder))
    monkeypatch.setattr(comparison, "PREVIEW", preview)
    monkeypatch.setattr(comparison, "STEPS", 2)
    options = {"strength": 1.0}
    return lambda prompt, weights=ONES, each=False: list(
        comparison.paint("example", prompt_box.lines_of(prompt), 3, 3.5, each, weights, "average", options))


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


def test_several_prompts_and_every_expert_alone(shown):
    *_, (rows, _, _) = shown("two red balls\na blue star\n\na blue star", each=True)
    assert rows.count('class="pair"') == 2 and rows.count("<img") == 2 * (2 + len(SKILLS))
    assert rows.count("<h2") == 2 and "Are there exactly two balls?" not in rows and rows.count("%</small>") == 10


def test_sliders_follow_the_experts_and_keep_what_was_slid(shown):
    names, *rest = merge.show("example", "", None, None, None, "beside", None, None)
    assert names == list(SKILLS)
    assert [slider["visible"] for slider in rest[:12]] == [True] * 3 + [False] * 9
    assert (rest[0]["label"], rest[0]["value"]) == ("counting", 1)
    drawn_for = rest[13]
    again = merge.show("example", drawn_for, None, None, None, "beside", None, None)
    assert not any({"value", "minimum", "maximum"} & set(slider) for slider in again[1:13]) and again[14] == drawn_for
    copy = merge.show(runs.writable("example"), drawn_for, None, None, None, "beside", None, None)
    assert copy[14] == drawn_for and "value" not in copy[1], "working on the example goes on with its sliders"
    assert "average of counting 0.333" in rest[14] and "SELMA: equal shares" in rest[12]["choices"]


def test_presets_are_selmas_and_the_saved_merges(shown, run):
    found = sliders.known_presets("example", list(SKILLS))
    released = found["SELMA as released"]
    letters = len(json.loads((run.expert("counting") / "recipe.json").read_text())["base"]["model"])
    assert released.method == "weighted" and set(released.weights.values()) == {1 / letters}
    assert found["merged"].weights == json.loads((run.merge("merged") / "recipe.json").read_text())["experts"]
    slid = sliders.slid(["a", "b"], {"b": 0.5})
    assert [one["value"] for one in slid[:2]] == [0.0, 0.5] and len(slid) == 12


@pytest.mark.parametrize("recipe", ["[]", '{"kind": "merge", "method": "average", "experts": ["counting"]}'])
def test_a_damaged_merge_is_told_and_hides_no_other(run, recipe):
    store = runs.open_store(runs.writable("example"))
    (store.merge("broken")).mkdir()
    (store.merge("broken") / "recipe.json").write_text(recipe)
    name, found = store.folder.name, contents.of(store)
    assert "broken" not in (presets := sliders.known_presets(name, list(SKILLS))) and "merged" in presets
    shown = sliders.saved_view(name, found)
    assert "recipe.json is damaged" in shown and "average of counting" in shown


@pytest.mark.parametrize("result", ["[]", "{}", '{"weights": [1]}', '{"weights": {"counting": "1"}}'])
def test_a_damaged_search_is_a_sentence(run, result):
    store = runs.open_store(runs.writable("example"))
    (store.folder / "searches" / "s").mkdir(parents=True)
    (store.folder / "searches" / "s" / "result.json").write_text(result)
    with pytest.raises(EngineError, match=r"result\.json is damaged"):
        sliders.known_presets(store.folder.name, list(SKILLS))


def test_a_slider_grows_to_hold_a_weight_beyond_its_ends():
    wide, usual = sliders.slid(["a", "b"], {"a": 3.0, "b": 0.5})[:2]
    assert (wide["value"], wide["maximum"], usual["maximum"], usual["minimum"]) == (3.0, 3.0, 2.0, -1.0)


def test_the_nearest_sentence_replaces_the_unreadable_line_alone():
    assert comparison.instead("example", "a red ball\na dog\na tree", "a star") == "a red ball\na star\na tree"
    assert comparison.instead("example", "a red ball", "a star") == "a red ball"


def test_too_many_prompts_are_refused():
    with pytest.raises(EngineError, match="9 prompts are too many"):
        prompt_box.lines_of("\n".join(f"{n} balls" for n in range(9)))
    with pytest.raises(EngineError, match="100,000 characters is longer"):
        prompt_box.lines_of("a" * 100_000)


def test_a_grid_needs_a_method_that_is_a_sum():
    assert preview_weights.coefficients("average", {"strength": 2.0}, {"a": 1.0, "b": 3.0}) == {"a": 0.5, "b": 1.5}
    with pytest.raises(EngineError, match="Choose average or weighted"):
        preview_weights.coefficients("ties", {}, {"a": 1.0})


@pytest.mark.parametrize(("text", "values"), [("0, 0.5; 1", (0.0, 0.5, 1.0)), ("", ()), ("-1", (-1.0,))])
def test_axis_values_are_read(text, values):
    assert grid_pane.numbers(text) == values
    with pytest.raises(EngineError, match="with commas between"):
        grid_pane.numbers("a, b")


def test_another_prompt_is_one_nobody_has_learned_from(shown, run):
    assert prompt_box.another("example", "a ball") != "a ball"
