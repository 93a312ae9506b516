"""Questions worked by hand, and what answers them."""
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.storybook.graph import Graph
from engine.storybook.language import parse
from engine.storybook.questions import answer, is_exact, questions
from engine.storybook.rules import Rules, draw, imagine
from engine.storybook.scenes import Thing
from tests.storybook.worlds import graphs

Asked = tuple[str, str, tuple[int, ...]]
WORKED: dict[str, list[Asked]] = {
    "an orange fish": [
        ("entity", "Is there a fish?", ()),
        ("attribute", "Is the fish orange?", (1,)),
    ],
    "three red balls and a tree at night": [
        ("entity", "Is there a ball?", ()),
        ("attribute", "Is the ball red?", (1,)),
        ("count", "Are there exactly three balls?", (1,)),
        ("entity", "Is there a tree?", ()),
        ("global", "Is the scene at night?", ()),
    ],
    "one red heart": [
        ("entity", "Is there a heart?", ()),
        ("attribute", "Is the heart red?", (1,)),
        ("count", "Is there exactly one heart?", (1,)),
    ],
    "a striped picture of a red ball and two blue balls": [
        ("entity", "Is there a ball?", ()),
        ("attribute", "Is the ball red?", (1,)),
        ("attribute", "Is the ball blue?", (1,)),
        ("count", "Are there exactly two blue balls?", (3,)),
        ("global", "Is the picture striped?", ()),
    ],
    "a red ball left of a blue ball. the blue ball is above a star": [
        ("entity", "Is there a ball?", ()),
        ("attribute", "Is the ball red?", (1,)),
        ("attribute", "Is the ball blue?", (1,)),
        ("entity", "Is there a star?", ()),
        ("relation", "Is the red ball left of the blue ball?", (2, 3)),
        ("relation", "Is the blue ball above the star?", (3, 4)),
    ],
}


@dataclass(frozen=True)
class Seen:
    things: tuple[Thing, ...]
    background: str | None = "grass"
    style: str | None = "filled"


def answers(text: str, *things: Thing, background: str = "grass", style: str = "filled") -> list[bool]:
    graph = parse(text)
    return [answer(q, graph, Seen(things, background, style)) for q in questions(graph)]


@pytest.mark.parametrize("text", WORKED)
def test_worked_questions(text: str) -> None:
    asked = questions(parse(text))
    assert [(q.category, q.text, q.parents) for q in asked] == WORKED[text]
    assert [q.id for q in asked] == list(range(1, len(asked) + 1))


@given(graphs())
def test_parents_come_before_their_children_and_only_entities_and_globals_have_none(graph: Graph) -> None:
    asked = questions(graph)
    assert len({q.text for q in asked}) == len(asked)
    for question in asked:
        assert all(parent < question.id for parent in question.parents)
        assert (question.parents == ()) == (question.category in ("entity", "global"))


def test_what_is_said_twice_is_asked_once() -> None:
    once = parse("a ball is right of a star.")
    twice = replace(once, links=once.links * 2)
    assert twice.fault() is None and questions(twice) == questions(once)


def test_presence_and_colour() -> None:
    assert answers("a red ball", Thing("ball", "red")) == [True, True]
    assert answers("a red ball", Thing("ball", "blue")) == [True, False]
    assert answers("a red ball", Thing("star", "red")) == [False, False]
    assert answers("a red ball") == [False, False]
    assert answers("a red ball", Thing("ball", "red"), Thing("ball", "blue")) == [True, False]


def test_what_cannot_be_told_never_says_yes() -> None:
    assert answers("a red ball", Thing("ball", "")) == [True, False]
    assert answers("a red ball", Thing("", "red")) == [False, False]
    assert answers("a striped picture of a ball at night", Thing("ball", "red"), background="", style="") == [
        True, False, False]


def test_counts_are_exact() -> None:
    ball, star = Thing("ball", "red"), Thing("star", "red")
    assert answers("two balls", ball, ball, star) == [True, True]
    assert answers("two balls", ball) == [True, False]
    assert answers("two balls", ball, ball, ball) == [True, False]


def test_twins_are_told_apart_by_their_colour() -> None:
    red, blue, green = (Thing("ball", colour) for colour in ("red", "blue", "green"))
    text = "a red ball and two blue balls"
    assert answers(text, red, blue, blue) == [True, True, True, True]
    assert answers(text, red, red, blue) == [True, True, True, False]
    assert answers(text, blue, blue) == [True, False, True, True]
    assert answers(text, red, blue, blue, green) == [True, False, False, True]


def test_relations_look_at_centres_five_pixels_apart() -> None:
    ball, star = Thing("ball", "red", 20, 30), Thing("star", "red", 40, 33)
    assert answers("a ball left of a star", ball, star) == [True, True, True]
    assert answers("a ball right of a star", ball, star) == [True, True, False]
    assert answers("a ball above a star", ball, star) == [True, True, False]
    assert answers("a ball above a star", Thing("ball", "red", 20, 28), star) == [True, True, True]
    assert answers("a ball left of a star", ball) == [True, False, False]


def test_relations_between_twins_look_at_the_right_ones() -> None:
    red, blue = Thing("ball", "red", 10, 30), Thing("ball", "blue", 50, 30)
    assert answers("a red ball left of a blue ball", red, blue)[-1]
    assert not answers("a blue ball left of a red ball", red, blue)[-1]
    assert not answers("a red ball left of a blue ball", red, Thing("ball", "red", 50, 30))[-1]


def test_background_and_style() -> None:
    text = "an outline picture of a ball at the beach"
    assert answers(text, Thing("ball", "red"), background="beach", style="outline") == [True, True, True]
    assert answers(text, Thing("ball", "red"), background="grass", style="filled") == [True, False, False]


def test_exact_means_all_yes_and_nothing_more() -> None:
    red, star = Thing("ball", "red"), Thing("star", "blue")
    graph = parse("a red ball")
    assert is_exact(graph, Seen((red,)))
    assert not is_exact(graph, Seen((red, star)))
    assert not is_exact(graph, Seen((red, red)))
    assert not is_exact(graph, Seen((Thing("ball", "blue"),)))
    assert not is_exact(graph, Seen((red, Thing("", ""))))


@given(st.integers(0, 2**32))
def test_the_scene_a_graph_was_drawn_as_answers_everything_with_yes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = draw(Rules(groups=(1, 4), each=(1, 2), links=(0, 3), style="sometimes"), rng)
    scene = imagine(graph, rng)
    if scene is not None:
        seen = Seen(scene.things, scene.background, scene.style)
        assert all(answer(q, graph, seen) for q in questions(graph))
        assert is_exact(graph, seen)
