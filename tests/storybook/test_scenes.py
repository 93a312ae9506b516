"""Scenes: seeded, antialiased, without overlap, as their relations say, large enough to be told apart."""
from itertools import combinations

import numpy as np
import pytest

from engine.storybook.scenes import (
    CLEAR_PIXELS,
    MOST_THINGS,
    RADIUS_PIXELS,
    SIZE_PIXELS,
    Relation,
    Scene,
    Thing,
    coverage,
    holds,
    paint,
    place,
)
from engine.storybook.shapes import BACKGROUNDS, COLOURS, KINDS, STRIPE, STYLES, polygon
from tests.storybook.worlds import random_scene


def silhouettes(scene: Scene) -> np.ndarray:
    """(things, 64, 64): how much of each pixel each thing covers."""
    masks = np.zeros((len(scene.things), SIZE_PIXELS, SIZE_PIXELS))
    for mask, thing in zip(masks, scene.things, strict=True):
        window, whole, _ = coverage(thing, scene.style)
        mask[window] = whole
    return masks


def test_the_same_seed_draws_the_same_picture_and_another_another() -> None:
    first, again, other = (paint(random_scene(np.random.default_rng(seed))) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.shape == (64, 64, 3) and first.dtype == np.uint8


@pytest.mark.parametrize("style", STYLES)
def test_edges_are_mixtures_of_thing_and_background(style: str) -> None:
    picture = paint(Scene((Thing("ball", "red", 30.3, 31.7, 11.0),), "sky", style)).reshape(-1, 3).astype(float)
    pure = np.array([COLOURS["red"], BACKGROUNDS["sky"], STRIPE], float)
    mixed = np.abs(picture[:, None] - pure).max(-1).min(-1) > 8
    assert 20 < mixed.sum() < 400


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_the_background_fills_what_nothing_covers(background: str) -> None:
    picture = paint(Scene((Thing("ball", "red", 32, 32, 10),), background, "filled"))
    assert tuple(picture[0, 0]) == tuple(picture[63, 63]) == BACKGROUNDS[background]
    assert tuple(picture[32, 32]) == COLOURS["red"]


def test_styles_paint_the_inside_differently() -> None:
    ball = Thing("ball", "blue", 32, 32, 12)
    filled, outline, striped = (paint(Scene((ball,), "grass", style)) for style in ("filled", "outline", "striped"))
    assert tuple(filled[32, 32]) == COLOURS["blue"]
    assert tuple(outline[32, 32]) == BACKGROUNDS["grass"]
    column = {tuple(pixel) for pixel in striped[22:42, 32]}
    assert {COLOURS["blue"], STRIPE} <= column and BACKGROUNDS["grass"] not in column


def test_things_neither_overlap_nor_leave_the_picture() -> None:
    rng = np.random.default_rng(3)
    for _ in range(60):
        scene = random_scene(rng)
        masks = silhouettes(scene)
        assert masks.sum(0).max() <= 1 + 1e-9
        for thing, mask in zip(scene.things, masks, strict=True):
            (x, y), (next_x, next_y) = polygon(thing.kind).T, np.roll(polygon(thing.kind), 1, 0).T
            area = np.abs((x * next_y - y * next_x).sum()) / 2
            assert mask.sum() == pytest.approx(area * thing.radius**2, rel=0.12)


def test_things_are_as_large_as_their_number_allows() -> None:
    rng = np.random.default_rng(4)
    for number in range(1, MOST_THINGS + 1):
        things = place([Thing("star", "red")] * number, [], rng)
        low, high = RADIUS_PIXELS[number]
        assert things is not None and len(things) == number
        assert all(low <= t.radius <= high for t in things) and low >= 8


@pytest.mark.parametrize("word", ["left", "right", "above", "below"])
def test_relations_hold_clearly(word: str) -> None:
    rng = np.random.default_rng(5)
    things = [Thing("ball", "red"), Thing("tree", "green"), Thing("moon", "pink")]
    for _ in range(10):
        placed = place(things, [Relation(2, word, 0)], rng)
        assert placed is not None and holds(word, placed[2], placed[0], CLEAR_PIXELS)


def test_left_is_a_smaller_x_and_above_a_smaller_y() -> None:
    low_left, high_right = Thing("ball", "red", 10, 50), Thing("ball", "red", 30, 20)
    assert holds("left", low_left, high_right, 20) and holds("right", high_right, low_left, 20)
    assert holds("above", high_right, low_left, 30) and holds("below", low_left, high_right, 30)
    assert not holds("left", low_left, high_right, 20.5) and not holds("above", low_left, high_right, 0)


def test_contradictory_relations_find_no_place() -> None:
    things = [Thing("ball", "red"), Thing("tree", "green")]
    relations = [Relation(0, "left", 1), Relation(1, "left", 0)]
    assert place(things, relations, np.random.default_rng(6)) is None


def test_silhouettes_can_be_told_apart_at_the_smallest_size() -> None:
    drawn = {kind: silhouettes(Scene((Thing(kind, "red", 32, 32, 8),), "sky", "filled"))[0] for kind in KINDS}
    for a, b in combinations(drawn.values(), 2):
        assert np.minimum(a, b).sum() / np.maximum(a, b).sum() < 0.8


def test_colours_are_far_from_each_other_from_white_and_from_every_background() -> None:
    for a, b in combinations(COLOURS.values(), 2):
        assert np.linalg.norm(np.subtract(a, b)) > 75
    for colour in (*COLOURS.values(), STRIPE):
        for ground in BACKGROUNDS.values():
            assert np.linalg.norm(np.subtract(colour, ground)) > 75
