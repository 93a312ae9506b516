"""The spread of pictures: none among copies, all between opposites, pixels and facts half each."""
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from engine.core.evidence import Evidence, SeenScene, Thing
from engine.core.types import Score
from engine.evaluate import diversity

BALL = Thing("ball", "red", 1.0, 2.0)
STAR = Thing("star", "blue", 3.0, 4.0)


def score(colour=(0, 0, 0), things=(), background=None, style=None, prompt="a", **changes):
    picture = colour if isinstance(colour, Image.Image) else Image.new("RGB", (64, 64), colour)
    seen = SeenScene(tuple(things), background, style, ())
    evidence = Evidence(skill="s", pooled=diversity.pool(picture), seen=seen)
    return Score(prompt, 0, "storybook", 1.0, replace(evidence, **changes))


def test_copies_have_no_spread_and_opposites_all_of_it():
    black = score((0, 0, 0), [BALL], "sky", "filled")
    white = score((255, 255, 255), [STAR], "night", "striped")
    assert diversity.distance(black, black) == 0
    assert diversity.distance(black, white) == 1


def test_pixels_and_facts_are_half_each():
    assert diversity.distance(score((0, 0, 0)), score((255, 255, 255))) == 0.5
    assert diversity.distance(score((51, 51, 51)), score((0, 0, 0))) == pytest.approx(0.2 / 2)
    one, two = score(things=[BALL], background="sky"), score(things=[BALL, BALL], background="sky")
    assert diversity.distance(one, two) == pytest.approx((1 - 2 / 3) / 2)


def test_where_a_thing_is_counts_in_the_pixels_alone():
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[:32] = 255
    upper, lower = Image.fromarray(pixels), Image.fromarray(pixels[::-1])
    assert diversity.distance(score(upper, [BALL]), score(lower, [replace(BALL, y=50.0)])) == 0.5


def test_the_spread_is_a_mean_over_pairs_then_prompts_and_needs_two_pictures():
    scores = [score((0, 0, 0)), score((0, 0, 0)), score((255, 255, 255)),
              score(prompt="b"), score(prompt="b"), score(prompt="single")]
    assert diversity.spread(scores) == pytest.approx({"s": ((0.5 + 0.5) / 3 + 0) / 2})
    assert diversity.spread(scores[-1:]) == {}


def test_a_judge_that_sees_no_scene_leaves_the_pixels():
    black, white = (diversity.pool(Image.new("RGB", (8, 8), colour)) for colour in ("black", "white"))
    plain = [Score("a", 0, "clipscore", 0.5, Evidence(skill="s", pooled=pooled)) for pooled in (black, white)]
    assert diversity.spread(plain) == {"s": 1.0}


THINGS = st.lists(st.sampled_from([BALL, STAR]), max_size=4)


@given(THINGS, THINGS, st.tuples(*[st.integers(0, 255)] * 3))
def test_a_distance_is_symmetric_and_a_share(ours, theirs, colour):
    a, b = score((0, 0, 0), ours, "sky"), score(colour, theirs, "sky")
    assert diversity.distance(a, b) == diversity.distance(b, a)
    assert 0 <= diversity.distance(a, b) <= 1
