"""Captions as noisy as they say they are, and pictures without what is left out."""
from collections import Counter
from dataclasses import fields, replace

import numpy as np
import pytest
from scipy.stats import binom

from engine.storybook.captions import (
    LEFT_OUT_COLOURS,
    LEFT_OUT_STYLES,
    NOISE,
    Noise,
    caption,
    complete,
    is_left_out,
    sample,
)
from engine.storybook.graph import Graph
from engine.storybook.language import parse
from engine.storybook.rules import TYPICAL
from engine.storybook.scenes import Scene, Thing
from engine.storybook.shapes import BACKGROUNDS, COLOURS, KINDS, STYLES

SILENT = Noise(**{f.name: 0.0 for f in fields(Noise)})
CAPTIONS = 1500
RICH = parse("a striped picture of a red ball left of a green tree, two pink hearts and a blue fish at night")
LINKED = parse("a red ball is left of a green tree. a blue fish is above the tree. a pink star is right of the fish.")


def agrees(happened: int, chances: int, rate: float) -> bool:
    """Whether so many of so many chances are likely (one in 100,000 is not) at the rate."""
    low, high = binom.interval(1 - 1e-5, chances, rate)
    return bool(low <= happened <= high)


def captions(graph: Graph, noise: Noise, seed: int = 1) -> list[str]:
    rng = np.random.default_rng(seed)
    return [caption(graph, rng, noise) for _ in range(CAPTIONS)]


@pytest.mark.parametrize("graph", [RICH, LINKED], ids=["phrase", "paragraph"])
def test_without_noise_a_caption_says_it_all(graph: Graph) -> None:
    assert {parse(text).key() for text in captions(graph, SILENT)[:100]} == {graph.key()}


def test_numbers_become_vague_at_their_rate() -> None:
    graph = parse("three red balls at night")
    said = captions(graph, replace(SILENT, vague_count=NOISE.vague_count))
    vague = [text for text in said if "three" not in text]
    assert agrees(len(vague), CAPTIONS, NOISE.vague_count)
    bare = {text.replace("at night", "").strip(", ") for text in vague}
    assert bare == {"some red balls", "many red balls", "red balls"}


def test_places_are_flattened_at_their_rate() -> None:
    said = captions(LINKED, replace(SILENT, dropped_link=NOISE.dropped_link))
    kept = sum(len(parse(text).links) for text in said)
    assert agrees(3 * CAPTIONS - kept, 3 * CAPTIONS, NOISE.dropped_link)
    assert all(len(parse(text).groups) == 4 for text in said)


def test_colours_are_omitted_at_their_rate_but_not_where_they_tell_twins_apart() -> None:
    omitting = replace(SILENT, omitted_colour=NOISE.omitted_colour)
    unsaid = sum(g.colour is None for text in captions(RICH, omitting) for g in parse(text).groups)
    assert agrees(unsaid, 4 * CAPTIONS, NOISE.omitted_colour)
    twins = parse("a red ball and a blue ball")
    assert {parse(text).key() for text in captions(twins, omitting)[:200]} == {twins.key()}


def test_background_and_style_are_omitted_at_their_rate_each() -> None:
    said = [parse(text) for text in captions(RICH, replace(SILENT, omitted_global=NOISE.omitted_global))]
    for name in ("background", "style"):
        assert agrees(sum(getattr(graph, name) is None for graph in said), CAPTIONS, NOISE.omitted_global)


def test_things_are_forgotten_at_their_rate_with_their_places_but_never_all() -> None:
    said = [parse(text) for text in captions(LINKED, replace(SILENT, forgotten_thing=NOISE.forgotten_thing))]
    forgotten = sum(4 - len(graph.groups) for graph in said)
    assert agrees(forgotten, 4 * CAPTIONS, NOISE.forgotten_thing)
    assert all(len(graph.links) == 3 for graph in said if len(graph.groups) == 4)
    assert all(parse(text).groups for text in captions(RICH, replace(SILENT, forgotten_thing=0.95))[:200])


def wrong_facts(truth: Graph, said: Graph) -> dict[str, bool]:
    pairs = list(zip(truth.groups, said.groups, strict=True))
    links = list(zip(truth.links, said.links, strict=True))
    return {
        "colour": any(a.colour != b.colour for a, b in pairs), "kind": any(a.kind != b.kind for a, b in pairs),
        "count": any(a.count != b.count for a, b in pairs), "link": any(a.word != b.word for a, b in links),
        "background": truth.background != said.background, "style": truth.style != said.style,
    }


@pytest.mark.parametrize("rate", [NOISE.wrong, 0.5])
@pytest.mark.parametrize(("fact", "choices"), [("colour", COLOURS), ("kind", KINDS), ("count", range(2, 7)),
                                               ("background", BACKGROUNDS), ("style", STYLES)])
def test_facts_are_replaced_at_the_stated_rate_by_any_value(fact: str, choices: object, rate: float) -> None:
    """A replacement is drawn from all values, the right one among them, so one in `choices` stays right."""
    graph = parse("an outline picture of three red balls on the grass")
    facts = [wrong_facts(graph, parse(text)) for text in captions(graph, replace(SILENT, wrong=rate))]
    assert agrees(sum(f[fact] for f in facts), CAPTIONS, rate * (1 - 1 / len(choices)))  # type: ignore[arg-type]


def test_a_place_is_replaced_at_the_stated_rate() -> None:
    graph = parse("a red ball left of a red tree")
    words = [link.word for text in captions(graph, replace(SILENT, wrong=0.5)) for link in parse(text).links]
    across = sum(word in ("above", "below") for word in words)
    assert agrees(across, CAPTIONS, 0.5 / 2)


def test_mistakes_that_cannot_be_said_are_not_made() -> None:
    graph = parse("a red ball and a blue ball and three stars")
    assert all(parse(text).fault() is None for text in captions(graph, replace(SILENT, wrong=1.0))[:300])


def test_what_is_left_out_is_never_drawn_and_hardly_ever_said() -> None:
    rng, said = np.random.default_rng(2), 0
    for _ in range(250):
        scene, graph = sample(rng)
        text = caption(graph, rng)
        said += any(f"{colour} {kind}" in text for kind, colour in LEFT_OUT_COLOURS)
        assert not is_left_out(scene)
        assert not any((g.kind, g.colour) in LEFT_OUT_COLOURS or (g.kind, graph.style) in LEFT_OUT_STYLES
                       for g in graph.groups)
    assert said <= 10


@pytest.mark.parametrize(("kind", "colour"), LEFT_OUT_COLOURS)
def test_left_out_colours_are_recognised_anywhere_in_a_scene(kind: str, colour: str) -> None:
    others = (Thing("ball", "red"), Thing("star", "yellow"))
    assert is_left_out(Scene((*others, Thing(kind, colour)), "sky", "filled"))
    assert not is_left_out(Scene((*others, Thing(kind, "brown")), "sky", "filled"))


@pytest.mark.parametrize(("kind", "style"), LEFT_OUT_STYLES)
def test_left_out_styles_are_recognised(kind: str, style: str) -> None:
    assert is_left_out(Scene((Thing(kind, "red"),), "sky", style))
    assert not is_left_out(Scene((Thing("tree", "red"),), "sky", style))


def test_a_complete_graph_says_what_the_scene_shows() -> None:
    scene = Scene((Thing("ball", "red"), Thing("ball", "red"), Thing("moon", "pink")), "night", "striped")
    graph = complete(parse("two balls and a moon"), scene)
    assert graph.key() == parse("a striped picture of two red balls and a pink moon at night").key()


def test_typical_colours_are_common_and_each_other_one_is_rare() -> None:
    rng = np.random.default_rng(3)
    things = [(t.kind, t.colour) for _ in range(600) for t in sample(rng)[0].things]
    for kind in KINDS:
        colours = Counter(colour for of, colour in things if of == kind)
        usual = sum(colours[colour] for colour in TYPICAL[kind]) / colours.total()
        others = [colours[colour] for colour in COLOURS if colour not in TYPICAL[kind]]
        assert 0.7 < usual < 0.95 and max(others) < 0.12 * colours.total()
        assert max(others) < min(colours[colour] for colour in TYPICAL[kind])


def test_the_same_seed_writes_the_same_caption() -> None:
    assert captions(RICH, NOISE, seed=4)[:50] == captions(RICH, NOISE, seed=4)[:50]
    assert len(set(captions(RICH, NOISE, seed=4)[:50])) > 25
