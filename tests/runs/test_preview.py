"""Pictures while a slider moves, on a real pipeline with small random weights."""
import numpy as np
import pytest
import torch

from engine import jobs
from engine.core.errors import EngineError
from engine.core.plugins import PluginChoice
from engine.core.store import Store, write_json
from engine.merge import methods
from engine.runs.preview import Merge, PictureRequest, Preview
from tests.app.example_run import SKILLS, add_weights, make_run

ONES = dict.fromkeys(SKILLS, 1.0)


@pytest.fixture(scope="module")
def preview() -> Preview:
    return Preview()


def paint(preview, run, weights, seed=3, method="weighted", **options):
    """The base's and the merged picture."""
    merges = (None, Merge.of_weights(PluginChoice(methods, method, options), weights))
    requests = [PictureRequest("two red balls", seed, 3.5, merge, steps=2) for merge in merges]
    return [np.asarray(image, dtype=int) for image in preview.paint(run, requests)]


def test_the_base_stays_and_the_merged_picture_follows_the_weights(preview, run):
    base, merged = paint(preview, run, ONES)
    again, other = paint(preview, run, {**ONES, "styles": 0.0})
    assert np.abs(base - again).max() <= 1
    assert np.abs(merged - base).max() > 20 and np.abs(merged - other).max() > 5


@pytest.mark.parametrize("method", ["weighted", "ties", "compress"])
def test_a_weight_beyond_all_use_is_a_sentence(preview, run, method):
    with pytest.raises(EngineError, match=r"styles is 1e\+12.*-100 and 100"):
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
    monkeypatch.setattr(jobs, "running_job", lambda: object())
    paint(preview, run, ONES, seed=21)
    monkeypatch.setattr(jobs, "running_job", lambda: None)
    paint(preview, run, ONES, seed=22)
    assert threads == [1, 2]


def test_every_expert_alone_is_the_merge_of_it_with_nothing(preview, run):
    alone, = preview.paint(run, [PictureRequest("two red balls", 3, 3.5, Merge.single("styles"), steps=2)])
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
        Preview().paint(Store(tmp_path), [PictureRequest("a ball", 1, 2.0)])
