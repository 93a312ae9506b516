"""Skills are tables of rules: what is drawn obeys them, and so do the examples and the frozen prompts."""
from dataclasses import replace

import numpy as np
import pytest

from engine.core.config import read_toml
from engine.core.errors import EngineError
from engine.storybook import evaluation
from engine.storybook.graph import Graph
from engine.storybook.language import parse
from engine.storybook.rules import TYPICAL, Rules, breaks, draw, from_table, has_twins, imagine, is_unusual
from engine.storybook.scenes import CLEAR_PIXELS, Scene, holds
from engine.storybook.shapes import COLOURS, KINDS

RULED = (*evaluation.SKILLS, *evaluation.UNTRAINED)
BREAKING: list[tuple[str, Rules, str]] = [
    ("a ball, a star and a tree", Rules(groups=(1, 2)), "3 groups of things, not 1 to 2"),
    ("a ball left of a star", Rules(), "1 places, not 0 to 0"),
    ("a ball and a star", Rules(links=(1, 2)), "0 places, not 1 to 2"),
    ("three balls", Rules(each=(1, 2)), "3 of one thing, not 1 to 2"),
    ("a red ball", Rules(kinds=("star",)), "red ball is not among its things and colours"),
    ("a red ball", Rules(palette=("blue",)), "red ball is not among its things and colours"),
    ("a red ball", Rules(colours="never"), "a colour is not asked for"),
    ("a red ball and a star", Rules(colours="always"), "a colour is missing"),
    ("a ball", Rules(background="always"), "a background is missing"),
    ("a ball at night", Rules(background="never"), "a background is not asked for"),
    ("a striped picture of a ball", Rules(), "a style is not asked for"),
    ("a ball", Rules(style="always"), "a style is missing"),
    ("a red ball and a blue ball", Rules(twins="never"), "two groups of one kind is not asked for"),
    ("a red ball", Rules(twins="always"), "two groups of one kind is missing"),
    ("a red ball", Rules(combinations="unusual"), "nothing in it is unusual"),
    ("a purple ball", Rules(combinations="typical"), "something in it is unusual"),
    ("a red ball at night", Rules(combinations="typical"), "something in it is unusual"),
]


def true_of(graph: Graph, scene: Scene, least_pixels: float = 0.0) -> bool:
    """Whether every link of the graph holds between the things it was drawn from."""
    first = [sum(g.count for g in graph.groups[:i]) for i in range(len(graph.groups))]
    return all(holds(k.word, scene.things[first[k.subject]], scene.things[first[k.other]], least_pixels)
               for k in graph.links)


@pytest.mark.parametrize(("text", "rules", "why"), BREAKING, ids=lambda x: x if isinstance(x, str) else "")
def test_breaks_says_why(text: str, rules: Rules, why: str) -> None:
    assert breaks(parse(text), rules) == why


@pytest.mark.parametrize("skill", RULED)
def test_what_a_skill_draws_obeys_its_rules_and_can_be_drawn(skill: str) -> None:
    rules, rng = evaluation.rules_of(skill), np.random.default_rng(1)
    seen: set[str] = set()
    for _ in range(60):
        graph = draw(rules, rng)
        assert breaks(graph, rules) is None and graph.fault() is None
        seen.add(graph.key())
        scene = imagine(graph, rng)
        assert scene is None or true_of(graph, scene, CLEAR_PIXELS)
    assert len(seen) > 30


@pytest.mark.parametrize("skill", evaluation.SKILLS)
def test_examples_obey_their_own_rules(skill: str) -> None:
    table = read_toml(evaluation.SKILL_FILES / f"{skill}.toml")
    rules = from_table(table["rules"], skill)
    assert len(table["examples"]) >= 3
    for text in table["examples"]:
        assert breaks(parse(text), rules) is None, text
        assert table["least_words"] <= len(text.split()) <= table["most_words"]


@pytest.mark.parametrize("skill", RULED)
@pytest.mark.parametrize("split", evaluation.SIZES)
def test_frozen_prompts_obey_the_rules_of_their_skill(split: str, skill: str) -> None:
    rules = evaluation.rules_of(skill)
    broken = {p.text: why for p in evaluation.load(split, skill) if (why := breaks(parse(p.text), rules))}
    assert not broken


def test_an_imagined_scene_shows_the_graph_and_fills_in_the_rest() -> None:
    graph = parse("two balls, a red heart and a pink heart at night")
    rng = np.random.default_rng(2)
    for _ in range(20):
        scene = imagine(graph, rng)
        assert scene is not None and scene.background == "night"
        assert [t.kind for t in scene.things] == ["ball", "ball", "heart", "heart"]
        assert scene.things[0].colour == scene.things[1].colour
        assert [t.colour for t in scene.things[2:]] == ["red", "pink"]


def test_what_the_text_leaves_open_is_mostly_typical() -> None:
    rng = np.random.default_rng(3)
    scenes = [imagine(parse("a moon"), rng) for _ in range(300)]
    typical = np.mean([s.things[0].colour in TYPICAL["moon"] for s in scenes if s])
    assert 0.7 < typical < 0.9


def test_twins_and_unusual_things_are_recognised() -> None:
    assert has_twins(parse("a red ball and a blue ball")) and not has_twins(parse("two red balls and a star"))
    assert is_unusual(parse("a blue heart")) and is_unusual(parse("a house at the beach"))
    assert not is_unusual(parse("a red heart in the sky")) and not is_unusual(parse("a heart"))
    assert set(TYPICAL) == set(KINDS) and all(set(colours) < set(COLOURS) for colours in TYPICAL.values())


def test_rules_that_allow_nothing_say_so() -> None:
    impossible = replace(Rules(), groups=(4, 4), each=(2, 2))
    with pytest.raises(AssertionError, match="no graph found"):
        draw(impossible, np.random.default_rng(4))


@pytest.mark.parametrize("table", [{"group": [1, 2]}, {"colours": "often"}, {"groups": "two"}])
def test_a_wrong_rule_is_an_error_that_names_its_place(table: dict[str, object]) -> None:
    with pytest.raises(EngineError, match="my_skill"):
        from_table(table, "my_skill")


def test_true_of_notices_a_broken_link() -> None:
    graph = parse("a ball left of a star")
    scene = imagine(graph, np.random.default_rng(5))
    assert scene is not None and true_of(graph, scene)
    mirrored = Graph(graph.groups, parse("a ball right of a star").links)
    assert not true_of(mirrored, scene)
