"""Storybook English, both ways; and what it refuses, always with a reason and a sentence that it reads."""
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.storybook.graph import Graph, Group, Link
from engine.storybook.language import MOST_CHARACTERS, Unreadable, parse
from engine.storybook.shapes import PLURALS
from engine.storybook.speech import say
from tests.storybook.worlds import graphs

READINGS: dict[str, Graph] = {
    "a red ball": Graph((Group("ball", "red"),)),
    "three red balls": Graph((Group("ball", "red", 3),)),
    "3 red balls": Graph((Group("ball", "red", 3),)),
    "one fish": Graph((Group("fish"),)),
    "a red ball on the grass": Graph((Group("ball", "red"),), background="grass"),
    "at night, a red ball": Graph((Group("ball", "red"),), background="night"),
    "a ball left of a tree": Graph((Group("ball"), Group("tree")), (Link(0, "left", 1),)),
    "a ball to the left of a tree": Graph((Group("ball"), Group("tree")), (Link(0, "left", 1),)),
    "a ball is on the left of a tree": Graph((Group("ball"), Group("tree")), (Link(0, "left", 1),)),
    "a tree right of a ball": Graph((Group("ball"), Group("tree")), (Link(0, "left", 1),)),
    "there is a ball over a tree": Graph((Group("ball"), Group("tree")), (Link(0, "above", 1),)),
    "below a ball is a tree": Graph((Group("ball"), Group("tree")), (Link(1, "below", 0),)),
    "a striped drawing of a ball and two hearts in the sky":
        Graph((Group("ball"), Group("heart", count=2)), background="sky", style="striped"),
    "a ball. the picture is outlined": Graph((Group("ball"),), style="outline"),
    "there are two red balls and a blue ball. it is at the beach.":
        Graph((Group("ball", "red", 2), Group("ball", "blue")), background="beach"),
    "a red ball is left of a blue ball. the blue ball is above a star":
        Graph((Group("ball", "red"), Group("ball", "blue"), Group("star")), (Link(0, "left", 1), Link(1, "above", 2))),
}
REFUSED: dict[str, str] = {
    "a dog on a skateboard": "dog",
    "": "no thing",
    ".": "no thing",
    "   \n\t": "no thing",
    "a" * 100_000: "100000 characters",
    "красный мяч": "красный",
    "一个红色的球": "一个红色的球",
    "🎈": "🎈",
    "a ball left of a tree. the tree is left of the ball": "contradict",
    "a ball above a tree. the tree is above a star. the star is above the ball": "contradict",
    "six red balls and a star": "at most 6",
    "two balls left of a tree": "single things",
    "a ball and a red ball": "told apart",
    "two fish and an orange fish": "told apart",
    "a red ball and a red ball": "told apart",
    "a ball left of the ball": "beside itself",
    "the ball": "nothing said before",
    "a red ball and a blue ball. the ball is above a star": "several things",
    "a ball at night on the grass": "one background",
    "at night, a ball on the grass": "one background",
    "a striped picture of a ball. the picture is filled": "one style",
    "a filled picture of an outline picture of a ball": "one style",
    "a ball is": "place",
    "a ball is red": "place",
    "a ball a star": "does not expect",
    "red ball": "number",
    "two red": "thing",
    "seven balls": "seven",
    "a red, ball": "thing",
    "the scene is a ball": "after",
    "the picture is red": "style",
    "left of a ball a star": "expects",
    "a red-ball": "-",
}


@given(graphs(), st.integers(0, 2**32), st.sampled_from([None, False, True]))
def test_what_is_said_is_understood(graph: Graph, seed: int, paragraph: bool | None) -> None:
    text = say(graph, np.random.default_rng(seed), paragraph)
    assert parse(text).key() == graph.key(), text


@pytest.mark.parametrize(("text", "graph"), READINGS.items(), ids=lambda x: str(x)[:40])
def test_worked_readings(text: str, graph: Graph) -> None:
    assert parse(text).key() == graph.key()


def test_counts_that_are_named_are_remembered_as_counted() -> None:
    one, two, single = parse("one ball, two stars and a tree").groups
    assert one.counted and two.counted and not single.counted


@given(graphs(), st.integers(0, 2**32))
def test_case_spaces_and_a_final_full_stop_do_not_matter(graph: Graph, seed: int) -> None:
    text = say(graph, np.random.default_rng(seed))
    for other in (text.upper(), text.capitalize(), text + ".", "  " + text.replace(" ", "  "), text.rstrip(".")):
        assert parse(other).key() == parse(text).key()


@pytest.mark.parametrize("text", REFUSED, ids=lambda t: t[:40] or "empty")
def test_a_refusal_says_why_and_offers_a_sentence(text: str) -> None:
    with pytest.raises(Unreadable) as refusal:
        parse(text)
    assert REFUSED[text] in refusal.value.reason
    assert parse(refusal.value.nearest).groups
    assert refusal.value.reason in str(refusal.value) and refusal.value.nearest in str(refusal.value)


def test_a_refusal_names_the_words_it_knows() -> None:
    with pytest.raises(Unreadable) as refusal:
        parse("a dog chases two red balls on the grass")
    assert refusal.value.known_words == ("two", "red", "balls", "grass")


WORDS = ("a an the two six red blue ball balls star tree left right of to above is are and , . at night on grass it "
         "picture striped dog").split()


@given(st.text(max_size=80) | st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join))
def test_any_text_is_read_or_refused_with_a_readable_sentence(text: str) -> None:
    try:
        graph = parse(text)
    except Unreadable as refusal:
        graph = parse(refusal.nearest)
        assert refusal.reason
    assert graph.fault() is None and parse(say(graph, np.random.default_rng(0))).key() == graph.key()


def test_the_longest_text_is_still_read() -> None:
    text = "a ball" + " " * (MOST_CHARACTERS - 6)
    assert parse(text).key() == parse("a ball").key()
    with pytest.raises(Unreadable, match="1001 characters"):
        parse(text + " ")


def test_the_order_of_things_does_not_change_the_key_but_facts_do() -> None:
    key = parse("a red ball left of a tree").key()
    assert key == parse("a tree to the right of a red ball").key()
    for other in ("a red ball right of a tree", "a blue ball left of a tree", "a red ball and a tree",
                  "a red ball left of a tree at night", "a striped picture of a red ball left of a tree"):
        assert parse(other).key() != key


def test_plurals_are_said_and_read() -> None:
    for kind, plural in PLURALS.items():
        assert say(Graph((Group(kind, count=2),)), np.random.default_rng(0)) == f"two {plural}"
        assert parse(f"two {plural}").groups[0].kind == kind
