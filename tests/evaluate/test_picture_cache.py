"""The oldest pictures go first, none that is still to be judged, and none before there are too many."""
import os

import pytest
from PIL import Image

from engine.core.store import Store
from engine.evaluate import picture_cache
from engine.evaluate.picture_cache import PictureCache


@pytest.fixture
def full(tmp_path, monkeypatch):
    """Room for about two of four pictures, a to d by age."""
    monkeypatch.setattr(picture_cache, "BYTES_PER_MB", 1)
    cache = PictureCache(Store(tmp_path), 0)
    for age, name in enumerate("abcd"):
        size = cache.add(name, Image.new("RGB", (8, 8), (age, 0, 0)))
        os.utime(cache.file(name), (age, age))
    return PictureCache(Store(tmp_path), 2 * size + size // 2)


def held(cache):
    return [name for name in "abcd" if cache.holds(name)]


def test_the_oldest_are_thrown_away_first(full):
    full.trim(set)
    assert held(full) == ["c", "d"]


def test_what_is_still_to_be_judged_stays(full):
    full.trim(lambda: {"a", "c"})
    assert held(full) == ["a", "c"]
    full.trim(lambda: {"a", "b", "c", "d"})
    assert held(full) == ["a", "c"]


def test_nobody_is_asked_while_there_is_room(full):
    full.budget_bytes *= 2
    full.trim(lambda: pytest.fail("there is room"))
    assert held(full) == ["a", "b", "c", "d"]


def test_a_picture_is_what_was_put_there(full):
    with Image.open(full.file("d")) as shown:
        assert shown.getpixel((0, 0)) == (3, 0, 0)
