"""Captions as the web writes them: incomplete, vague, sometimes wrong. The base model is trained on
these alone.

Truthful but incomplete captions leave a model nothing to sharpen; a few wrong ones, as every
scraped data set has, do. The rates are the knobs of that, stated here and in the base's card.
"""

from dataclasses import dataclass, replace

import numpy as np

from engine.core.options import option
from engine.storybook.graph import Graph, Group, Link
from engine.storybook.rules import Combinations, Rules, draw, imagine
from engine.storybook.scenes import Scene
from engine.storybook.shapes import BACKGROUNDS, COLOURS, KINDS, STYLES
from engine.storybook.speech import say
from engine.storybook.words import NUMBERS, PLACES, PLURALS

Options = dict[str, float]

LEFT_OUT_COLOURS = (
    ("ball", "purple"),
    ("star", "green"),
    ("heart", "blue"),
    ("tree", "pink"),
    ("house", "yellow"),
    ("moon", "red"),
)
"""Things the base never sees in these colours. Its wrong captions still name one, about one caption
in a hundred.
"""
LEFT_OUT_STYLES = (("boat", "striped"), ("fish", "outline"))


@dataclass(frozen=True)
class Noise:
    """Rates per group, link or caption at which a caption departs from its scene."""

    vague_count: float = option(0.25, "a number becomes 'some' or 'many'")
    dropped_link: float = option(0.30, "a place is flattened to 'and'")
    omitted_colour: float = option(0.20, "a colour is not said")
    omitted_global: float = option(0.30, "background or style is not said")
    forgotten_thing: float = option(0.12, "a group is not mentioned")
    wrong: float = option(0.06, "what is said is wrong, per caption and kind of fact")


NOISE = Noise()
FEW = Rules(groups=(1, 2), combinations="any", twins="sometimes")
COUNTED = Rules(groups=(1, 2), each=(1, 6))
LINKED = Rules(groups=(2, 3), links=(1, 2))
MANY_LINKED = Rules(groups=(3, 5), links=(2, 4))
CROWDED = Rules(groups=(1, 4), each=(1, 3))
SCENE_RULES = ((FEW, 0.2), (COUNTED, 0.25), (LINKED, 0.25), (MANY_LINKED, 0.2), (CROWDED, 0.1))
"""What the base's pictures are made of, each with its share; colours and settings are then mostly
typical.
"""
TYPICAL_PICTURE_SHARE = 0.6
PARAGRAPH_SHARE = 0.8
"""Of the captions with more than one place."""


def is_kept_from_base(kind: str, colour: str | None, style: str | None) -> bool:
    """Whether a thing so coloured and so drawn is one of the combinations left out."""
    return (kind, colour) in LEFT_OUT_COLOURS or (kind, style) in LEFT_OUT_STYLES


def is_left_out(scene: Scene) -> bool:
    """Whether the scene shows a combination kept from the base."""
    return any(is_kept_from_base(t.kind, t.colour, scene.style) for t in scene.things)


def sample(rng: np.random.Generator) -> tuple[Scene, Graph]:
    """A scene the base may see, and all that is true of it."""
    _, shares = zip(*SCENE_RULES, strict=True)
    while True:
        rules, _ = SCENE_RULES[int(rng.choice(len(SCENE_RULES), p=np.array(shares)))]
        combinations: Combinations = "typical" if rng.random() < TYPICAL_PICTURE_SHARE else "any"
        graph = draw(replace(rules, combinations=combinations), rng)
        scene = imagine(graph, rng)
        if scene is not None and not is_left_out(scene):
            return scene, complete(graph, scene)


def complete(graph: Graph, scene: Scene) -> Graph:
    """The graph with everything the scene shows: colours, counts, background, style."""
    groups = []
    first = 0
    for group in graph.groups:
        colour = scene.things[first].colour
        groups.append(replace(group, colour=colour, counted=group.count > 1))
        first += group.count
    return replace(graph, groups=tuple(groups), background=scene.background, style=scene.style)


def caption(graph: Graph, rng: np.random.Generator, noise: Noise = NOISE) -> str:
    """Degrade a complete graph and say what is left."""
    graph = _forget(graph, rng, noise)
    graph = _omit(graph, rng, noise)
    graph = _mistake(graph, rng, noise.wrong)
    is_paragraph = len(graph.links) > 1 and bool(rng.random() < PARAGRAPH_SHARE)
    text = say(graph, rng, paragraph=is_paragraph)
    return _blur_counts(text, graph, rng, noise.vague_count)


def _omit(graph: Graph, rng: np.random.Generator, noise: Noise) -> Graph:
    """Leave colours, places, background and style unsaid. A twin keeps the colour it is told by."""
    groups = []
    for group in graph.groups:
        is_omitted = rng.random() < noise.omitted_colour
        if is_omitted and not graph.is_twin(group):
            group = replace(group, colour=None)
        groups.append(group)
    links = tuple(link for link in graph.links if rng.random() >= noise.dropped_link)
    background = None if rng.random() < noise.omitted_global else graph.background
    style = None if rng.random() < noise.omitted_global else graph.style
    return Graph(tuple(groups), links, background, style)


def _forget(graph: Graph, rng: np.random.Generator, noise: Noise) -> Graph:
    """Leave groups out, but never all; links to a forgotten thing go with it."""
    groups: list[Group] = []
    place_of: dict[int, int] = {}
    for index, group in enumerate(graph.groups):
        if rng.random() >= noise.forgotten_thing:
            place_of[index] = len(groups)
            groups.append(group)
    if not groups:
        return replace(graph, groups=graph.groups[:1], links=())
    links = []
    for link in graph.links:
        if link.subject in place_of and link.other in place_of:
            links.append(Link(place_of[link.subject], link.word, place_of[link.other]))
    return replace(graph, groups=tuple(groups), links=tuple(links))


def _mistake(graph: Graph, rng: np.random.Generator, rate: float) -> Graph:
    """Each kind of fact goes wrong at the given rate, if the result can still be said."""
    groups, links = list(graph.groups), list(graph.links)
    index = int(rng.integers(len(groups)))
    groups[index] = _mistaken_group(groups[index], rng, rate)
    if links and rng.random() < rate:
        at = int(rng.integers(len(links)))
        word = str(rng.choice(list(PLACES)))
        links[at] = replace(links[at], word=word)
    background, style = graph.background, graph.style
    if background and rng.random() < rate:
        background = str(rng.choice(list(BACKGROUNDS)))
    if style and rng.random() < rate:
        style = str(rng.choice(STYLES))
    wrong = Graph(tuple(groups), tuple(links), background, style)
    return graph if wrong.fault() else wrong


def _mistaken_group(group: Group, rng: np.random.Generator, rate: float) -> Group:
    if rng.random() < rate and group.colour is not None:
        group = replace(group, colour=str(rng.choice(list(COLOURS))))
    if rng.random() < rate:
        group = replace(group, kind=str(rng.choice(KINDS)))
    if rng.random() < rate and group.counted:
        group = replace(group, count=int(rng.integers(2, 7)))
    return group


def _blur_counts(text: str, graph: Graph, rng: np.random.Generator, rate: float) -> str:
    """ "three red balls" becomes "some red balls", "many red balls" or "red balls"."""
    for group in graph.groups:
        if group.counted and group.count > 1 and rng.random() < rate:
            words = f"{group.colour or ''} {PLURALS[group.kind]}".lstrip()
            vague = str(rng.choice(["some ", "many ", ""]))
            exact = f"{NUMBERS[group.count - 1]} {words}"
            text = text.replace(exact, f"{vague}{words}", 1)
    return text
