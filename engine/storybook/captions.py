"""Captions as the web writes them: incomplete, vague, sometimes wrong. The base model is trained on
these alone.

Truthful but incomplete captions leave a model nothing to sharpen; a few wrong ones, as every
scraped data set has, do. The rates are the knobs of that, stated here and in the base's card.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from engine.storybook.graph import Graph, Group, Link
from engine.storybook.rules import Combinations, Rules, draw, imagine
from engine.storybook.scenes import Scene
from engine.storybook.shapes import BACKGROUNDS, COLOURS, KINDS, STYLES
from engine.storybook.speech import say
from engine.storybook.words import NUMBERS, PLURALS

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

    vague_count: float = field(default=0.25, metadata={"help": "a number becomes 'some' or 'many'"})
    dropped_link: float = field(default=0.30, metadata={"help": "a place is flattened to 'and'"})
    omitted_colour: float = field(default=0.20, metadata={"help": "a colour is not said"})
    omitted_global: float = field(
        default=0.30, metadata={"help": "background or style is not said"}
    )
    forgotten_thing: float = field(default=0.12, metadata={"help": "a group is not mentioned"})
    wrong: float = field(
        default=0.06, metadata={"help": "what is said is wrong, per caption and kind of fact"}
    )


NOISE = Noise()
SCENE_RULES = (
    (Rules(groups=(1, 2), combinations="any", twins="sometimes"), 0.2),
    (Rules(groups=(1, 2), each=(1, 6)), 0.25),
    (Rules(groups=(2, 3), links=(1, 2)), 0.25),
    (Rules(groups=(3, 5), links=(2, 4)), 0.2),
    (Rules(groups=(1, 4), each=(1, 3)), 0.1),
)
"""What the base's pictures are made of, each with its share; colours and settings are then mostly
typical.
"""
TYPICAL_PICTURE_SHARE = 0.6


def is_left_out(scene: Scene) -> bool:
    """Whether the scene shows a combination kept from the base."""
    return any(
        (t.kind, t.colour) in LEFT_OUT_COLOURS or (t.kind, scene.style) in LEFT_OUT_STYLES
        for t in scene.things
    )


def sample(rng: np.random.Generator) -> tuple[Scene, Graph]:
    """A scene the base may see, and all that is true of it."""
    shares = np.array([share for _, share in SCENE_RULES])
    while True:
        rules = SCENE_RULES[int(rng.choice(len(SCENE_RULES), p=shares))][0]
        combinations: Combinations = "typical" if rng.random() < TYPICAL_PICTURE_SHARE else "any"
        graph = draw(replace(rules, combinations=combinations), rng)
        scene = imagine(graph, rng)
        if scene is not None and not is_left_out(scene):
            return scene, complete(graph, scene)


def complete(graph: Graph, scene: Scene) -> Graph:
    """The graph with everything the scene shows: colours, counts, background, style."""
    groups, first = [], 0
    for group in graph.groups:
        groups.append(replace(group, colour=scene.things[first].colour, counted=group.count > 1))
        first += group.count
    return replace(graph, groups=tuple(groups), background=scene.background, style=scene.style)


def caption(graph: Graph, rng: np.random.Generator, noise: Noise = NOISE) -> str:
    """Degrade a complete graph and say what is left."""
    graph = _forget(graph, rng, noise)
    groups = tuple(
        replace(g, colour=None)
        if rng.random() < noise.omitted_colour and not _is_twin(graph, g)
        else g
        for g in graph.groups
    )
    links = tuple(k for k in graph.links if rng.random() >= noise.dropped_link)
    graph = replace(
        graph,
        groups=groups,
        links=links,
        background=None if rng.random() < noise.omitted_global else graph.background,
        style=None if rng.random() < noise.omitted_global else graph.style,
    )
    graph = _mistake(graph, rng, noise.wrong)
    text = say(graph, rng, paragraph=len(graph.links) > 1 and bool(rng.random() < 0.8))
    return _blur_counts(text, graph, rng, noise.vague_count)


def _is_twin(graph: Graph, group: Group) -> bool:
    return sum(g.kind == group.kind for g in graph.groups) > 1


def _forget(graph: Graph, rng: np.random.Generator, noise: Noise) -> Graph:
    """Leave groups out, but never all; links to a forgotten thing go with it."""
    kept = [i for i in range(len(graph.groups)) if rng.random() >= noise.forgotten_thing] or [0]
    where = {old: new for new, old in enumerate(kept)}
    links = tuple(
        Link(where[k.subject], k.word, where[k.other])
        for k in graph.links
        if k.subject in where and k.other in where
    )
    return replace(graph, groups=tuple(graph.groups[i] for i in kept), links=links)


def _mistake(graph: Graph, rng: np.random.Generator, rate: float) -> Graph:
    """Each kind of fact goes wrong at the given rate, if the result can still be said."""
    groups, links = list(graph.groups), list(graph.links)
    index = int(rng.integers(len(groups)))
    if rng.random() < rate and groups[index].colour is not None:
        groups[index] = replace(groups[index], colour=str(rng.choice(list(COLOURS))))
    if rng.random() < rate:
        groups[index] = replace(groups[index], kind=str(rng.choice(KINDS)))
    if rng.random() < rate and groups[index].counted:
        groups[index] = replace(groups[index], count=int(rng.integers(2, 7)))
    if links and rng.random() < rate:
        at = int(rng.integers(len(links)))
        links[at] = replace(links[at], word=str(rng.choice(["left", "right", "above", "below"])))
    background, style = graph.background, graph.style
    if background and rng.random() < rate:
        background = str(rng.choice(list(BACKGROUNDS)))
    if style and rng.random() < rate:
        style = str(rng.choice(STYLES))
    wrong = Graph(tuple(groups), tuple(links), background, style)
    return graph if wrong.fault() else wrong


def _blur_counts(text: str, graph: Graph, rng: np.random.Generator, rate: float) -> str:
    """ "three red balls" becomes "some red balls", "many red balls" or "red balls"."""
    for group in graph.groups:
        if group.counted and group.count > 1 and rng.random() < rate:
            words = " ".join([*([group.colour] if group.colour else []), PLURALS[group.kind]])
            vague = str(rng.choice(["some ", "many ", ""]))
            text = text.replace(f"{NUMBERS[group.count - 1]} {words}", f"{vague}{words}", 1)
    return text
