"""Two models' pictures of one prompt and seed make a pair, another one as soon as a picture changes."""
from itertools import combinations

import pytest
from PIL import Image

from engine.core.store import Store
from engine.votes import pairs
from tests.votes.painted import paint_run


@pytest.fixture
def store(tmp_path):
    return paint_run(tmp_path / "run")


def ids(store):
    return {pair.id for pair in pairs.all_pairs(store)}


def test_pairs_are_the_same_prompt_and_seed(tmp_path):
    models = ("base", "joint", "merged")
    store = paint_run(tmp_path / "three", prompts=2, models=models, seeds=(1, 2))
    three = pairs.all_pairs(store)
    assert len(three) == 2 * 2 * 3 == len(ids(store))
    assert all(pair.first.seed == pair.second.seed for pair in three)
    assert {(pair.first.model, pair.second.model) for pair in three} == set(combinations(models, 2))
    two = pairs.all_pairs(store, ["base", "merged"])
    assert len(two) == 4 and {pair.id for pair in two} < ids(store)


def test_a_picture_painted_anew_makes_another_pair(store):
    before = ids(store)
    Image.new("RGB", (64, 64), "yellow").save(store.pictures("merged") / "0-7.png")
    assert len(before & ids(store)) == 3 and len(ids(store)) == 4


def test_a_pair_whose_picture_is_gone_is_none(store):
    assert len(ids(store)) == 4
    (store.pictures("base") / "2-7.png").unlink()
    assert {pair.prompt for pair in pairs.all_pairs(store)} == {"prompt 0", "prompt 1", "prompt 3"}


def test_a_run_without_pictures_has_no_pairs(tmp_path):
    assert not pairs.all_pairs(Store(tmp_path / "nowhere"))


def test_pictures_are_read_once(store, monkeypatch):
    first = pairs.all_pairs(store)
    monkeypatch.setattr(pairs, "file_hash", lambda file: pytest.fail(f"{file} is read again"))
    assert pairs.all_pairs(store) is first


def test_a_picture_that_is_replaced_while_it_is_looked_at_is_no_error(store, monkeypatch):
    """Between the listing of the folder and the look at the file."""
    (store.pictures("base") / "3-7.png").unlink()
    (store.pictures("base") / "3-7.png").symlink_to("nowhere.png")
    assert len(pairs.all_pairs(store)) == 3
