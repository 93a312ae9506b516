"""Nobody is asked about two pictures that look the same, or about one that cannot be seen."""
import logging

import numpy as np
import pytest
from PIL import Image, ImageDraw

from engine.votes import pairs, similarity
from engine.votes.similarity import LEAST_DIFFERENCE
from tests.votes.painted import paint_run


def save(folder, name, image):
    image.save(folder / name)
    return folder / name


def scene(side=64, ball="red", at=0.3, size=0.2):
    image = Image.new("RGB", (side, side), "skyblue")
    corner, edge = at * side, (at + size) * side
    ImageDraw.Draw(image).ellipse((corner, corner, edge, edge), ball)
    return image


@pytest.mark.parametrize("side", [64, 512, 1000])
def test_another_thing_is_seen_and_a_softer_edge_is_not(tmp_path, side):
    first = save(tmp_path, "a.png", scene(side))
    other = save(tmp_path, "b.png", scene(side, ball="yellow"))
    half = scene(side).resize((side // 2, side // 2))
    softer = save(tmp_path, "c.png", half.resize((side, side)))
    pixels = np.abs(np.asarray(Image.open(first), int) - np.asarray(Image.open(softer), int))
    assert similarity.difference(first, other) > 100
    assert similarity.difference(first, softer) < LEAST_DIFFERENCE / 2 < 40 <= pixels.max()


def test_pictures_that_differ_little_in_every_pixel_are_alike(tmp_path):
    """Whatever differs by less than 36 of 255 everywhere."""
    rng = np.random.default_rng(0)
    plain = np.full((64, 64, 3), 120)
    first = save(tmp_path, "a.png", Image.fromarray(plain.astype(np.uint8)))
    noisy = (plain + rng.integers(-35, 36, plain.shape)).astype(np.uint8)
    second = save(tmp_path, "b.png", Image.fromarray(noisy))
    assert similarity.difference(first, second) < LEAST_DIFFERENCE
    assert similarity.difference(first, first) == 0


def test_the_answer_is_the_same_both_ways_and_at_unlike_sizes(tmp_path):
    small = save(tmp_path, "a.png", scene(640).reduce(10))
    large = save(tmp_path, "b.png", scene(640))
    assert similarity.difference(small, large) < LEAST_DIFFERENCE
    wide = save(tmp_path, "c.png", Image.new("RGB", (300, 100), "navy"))
    tiny = save(tmp_path, "d.png", Image.new("RGB", (1, 3), "white"))
    for one, other in ((small, wide), (wide, tiny), (tiny, small)):
        assert min(similarity.difference(one, other), similarity.difference(other, one)) > LEAST_DIFFERENCE


def test_alike_pairs_are_counted_and_not_asked(tmp_path):
    store = paint_run(tmp_path / "run")
    Image.open(store.pictures("base") / "1-7.png").save(store.pictures("merged") / "1-7.png")
    sifted = similarity.sift(pairs.all_pairs(store))
    assert [pair.prompt for pair in sifted.distinct] == ["prompt 0", "prompt 2", "prompt 3"]
    assert (sifted.alike_count, sifted.unreadable_count, sifted.total) == (1, 0, 4)


def test_both_damaged_pictures_of_a_pair_are_told_and_the_pair_is_left_out(tmp_path, caplog):
    store = paint_run(tmp_path / "run")
    for model in ("base", "merged"):
        (store.pictures(model) / "2-7.png").write_bytes(b"\x89PNG no more")
    with caplog.at_level(logging.WARNING):
        sifted = similarity.sift(pairs.all_pairs(store))
    assert (len(sifted.distinct), sifted.alike_count, sifted.unreadable_count) == (3, 0, 1)
    for model in ("base", "merged"):
        assert str(store.pictures(model) / "2-7.png") in caplog.text


def test_a_picture_that_is_painted_again_is_looked_at_again(tmp_path):
    store = paint_run(tmp_path / "run", prompts=1)
    assert len(similarity.sifted_pairs(store).distinct) == 1
    Image.new("RGB", (64, 64), (254, 0, 0)).save(store.pictures("merged") / "0-7.png")
    assert similarity.sifted_pairs(store).alike_count == 1
