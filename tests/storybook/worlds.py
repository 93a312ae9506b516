"""Fresh scenes and graphs for the tests: any things in any colours, typical or not."""
import numpy as np
from hypothesis import strategies as st

from engine.storybook.graph import Graph, Group, Link
from engine.storybook.reading import PictureReading
from engine.storybook.scenes import MOST_THINGS, Scene, Thing, place
from engine.storybook.shapes import BACKGROUNDS, COLOURS, KINDS, STYLES


def random_scene(rng: np.random.Generator) -> Scene:
    placed = None
    while placed is None:
        number = int(rng.integers(1, MOST_THINGS + 1))
        things = [Thing(str(rng.choice(KINDS)), str(rng.choice(list(COLOURS)))) for _ in range(number)]
        placed = place(things, [], rng)
    return Scene(placed, str(rng.choice(list(BACKGROUNDS))), str(rng.choice(STYLES)))


def error(seen: PictureReading, scene: Scene) -> str:
    """What is wrong in a reading, or nothing at all."""
    if (seen.background, seen.style) != (scene.background, scene.style):
        return f"saw {seen.background}, {seen.style}"
    if len(seen.things) != len(scene.things) or seen.flags:
        return f"saw {len(seen.things)} things instead of {len(scene.things)}; {seen.flags}"
    left = list(seen.things)
    for thing in scene.things:
        nearest = min(left, key=lambda t: (t.x - thing.x) ** 2 + (t.y - thing.y) ** 2)
        if (nearest.kind, nearest.colour) != (thing.kind, thing.colour):
            return f"a {nearest.colour} {nearest.kind} instead of a {thing.colour} {thing.kind}"
        if max(abs(nearest.x - thing.x), abs(nearest.y - thing.y)) > 3 or abs(nearest.radius - thing.radius) > 2:
            return f"the {thing.kind} is not where it was seen"
        left.remove(nearest)
    return ""


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Any graph that a picture can show."""
    colours = st.sampled_from([None, *COLOURS])
    group = st.builds(Group, st.sampled_from(KINDS), colours, st.integers(1, 3), st.booleans())
    groups = draw(st.lists(group, min_size=1, max_size=5))
    index = st.integers(0, len(groups) - 1)
    link = st.builds(Link, index, st.sampled_from(["left", "right", "above", "below"]), index)
    settings = st.sampled_from([None, *BACKGROUNDS])
    links = tuple(draw(st.lists(link, max_size=4)))
    whole = Graph(tuple(groups), links, draw(settings), draw(st.sampled_from([None, *STYLES])))
    return _possible(whole)


def _possible(graph: Graph) -> Graph:
    """The first groups and links that do not contradict what came before them."""
    groups: tuple[Group, ...] = ()
    for group in graph.groups:
        if Graph((*groups, group)).fault() is None:
            groups = (*groups, group)
    links: tuple[Link, ...] = ()
    for link in graph.links:
        if max(link.subject, link.other) < len(groups) and Graph(groups, (*links, link)).fault() is None:
            links = (*links, link)
    return Graph(groups, links, graph.background, graph.style)
