"""The Storybook judge scores by the reference rule and says why."""
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from engine.core.types import Prompt, Score
from engine.storybook.judges import storybook
from engine.storybook.language import parse
from engine.storybook.rules import imagine
from engine.storybook.scenes import Scene, Thing, paint
from engine.storybook.verdicts import verdict

GRASS = (158, 216, 128)
One = Callable[[Prompt, Image.Image, int], Score]


@pytest.fixture
def judge() -> One:
    """Of one picture."""
    together = storybook.judge(storybook.Config())
    return lambda prompt, picture, seed: together([prompt], [picture], [seed])[0]


def picture(*things: Thing, background: str = "grass", style: str = "filled") -> Image.Image:
    return Image.fromarray(paint(Scene(things, background, style)))


def ask(text: str) -> Prompt:
    return Prompt("p1", "everyday", text)


def test_the_right_picture_scores_one(judge: One) -> None:
    score = judge(ask("a red ball left of a blue star on the grass"),
                  picture(Thing("ball", "red", 16, 30, 9), Thing("star", "blue", 46, 34, 9)), 5)
    assert (score.prompt_id, score.seed, score.judge, score.value) == ("p1", 5, "storybook", 1.0)
    assert score.exact == 1.0
    assert [q.yes for q in score.answers] == [True] * 6
    assert score.seen.background == "grass" and score.seen.flags == ()


def test_a_question_under_a_wrong_parent_counts_as_no(judge: One) -> None:
    """Ball yes, red no, star no, blue no, left no, and the background yes: two of six."""
    score = judge(ask("a red ball left of a blue star on the grass"), picture(Thing("ball", "blue", 16, 30, 9)), 0)
    assert score.value == pytest.approx(2 / 6)
    assert score.exact == 0.0


def test_higher_is_better(judge: One) -> None:
    prompt = ask("two red balls at the beach")
    ball, other = Thing("ball", "red", 16, 20, 9), Thing("ball", "red", 44, 40, 9)
    scores = [judge(prompt, shown, 0).value for shown in (
        picture(background="night"), picture(ball, background="night"), picture(ball, background="beach"),
        picture(ball, other, background="beach"))]
    assert scores == sorted(scores, key=lambda s: s or 0) and scores[0] == 0 and scores[-1] == 1
    assert len(set(scores)) == 4


def test_an_extra_thing_leaves_the_score_and_takes_the_exactness(judge: One) -> None:
    score = judge(ask("a red ball"), picture(Thing("ball", "red", 16, 20, 9), Thing("moon", "yellow", 44, 40, 9)), 0)
    assert score.value == 1.0 and score.exact == 0.0


@pytest.mark.parametrize("text", ["a dog on a skateboard", "", "x" * 100_000, "красный мяч"])
def test_a_text_outside_the_language_is_unscored_with_reason_and_nearest(judge: One, text: str) -> None:
    score = judge(ask(text), picture(), 0)
    assert score.value is None
    assert score.unscored and parse(score.nearest).groups


@pytest.mark.parametrize("shown", [Image.new("RGB", (64, 64)), Image.new("L", (300, 20), 255),
                                   Image.effect_noise((64, 64), 200)], ids=["black", "white", "noise"])
def test_a_picture_that_cannot_be_read_is_a_miss_with_flags(judge: One, shown: Image.Image) -> None:
    score = judge(ask("a red ball at night"), shown, 0)
    assert score.value == 0.0
    assert "no background" in score.seen.flags[0]


def test_an_unreadable_thing_is_a_miss_with_a_flag(judge: One) -> None:
    broken = np.array(picture(Thing("star", "red", 32, 32, 10)))
    broken[:, 32:] = GRASS
    score = judge(ask("a red star"), Image.fromarray(broken), 0)
    assert score.value == 0.0 and "fits nothing" in score.seen.flags[0]


def test_an_empty_picture_answers_only_for_its_background(judge: One) -> None:
    assert judge(ask("a ball on the grass"), picture(), 0).value == 0.5


def test_pictures_of_any_size_score_the_same(judge: One) -> None:
    small = picture(Thing("heart", "pink", 30, 30, 11))
    large = small.resize((512, 512), Image.Resampling.NEAREST)
    assert judge(ask("a pink heart"), small, 0) == judge(ask("a pink heart"), large, 0)


def test_a_score_does_not_depend_on_what_was_judged_before(judge: One) -> None:
    prompt, shown = ask("a red ball"), picture(Thing("ball", "red", 20, 20, 9))
    first = judge(prompt, shown, 0)
    judge(ask("two blue stars"), picture(), 1)
    assert judge(prompt, shown, 0) == first and isinstance(first, Score)


def test_imagined_scenes_are_exact() -> None:
    rng = np.random.default_rng(1)
    for text in ("a striped picture of two red balls and a blue moon at night", "a tree above a house",
                 "a red ball and a blue ball and three stars at the beach"):
        scene = imagine(parse(text), rng)
        assert scene is not None
        found = verdict(text, paint(scene))
        assert found.exact and found.dsg == 1.0 and all(yes for _, yes in found.answers)
