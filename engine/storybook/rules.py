"""A skill's rules about Storybook texts: one table that both checks a graph and draws new ones."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from engine.core.config import build
from engine.storybook.graph import OPPOSITES, Graph, Group, Link
from engine.storybook.scenes import MOST_THINGS, Relation, Scene, Thing, place
from engine.storybook.shapes import BACKGROUNDS, COLOURS, KINDS, STYLES

TYPICAL: dict[str, tuple[str, ...]] = {
    "ball": ("red", "blue", "orange"),
    "star": ("yellow", "orange"),
    "heart": ("red", "pink"),
    "tree": ("green", "brown"),
    "house": ("red", "brown"),
    "fish": ("orange", "blue"),
    "boat": ("brown", "blue"),
    "moon": ("yellow", "orange"),
}
"""The colours that the world's pictures mostly show."""
TYPICAL_SETTINGS: dict[str, tuple[str, ...]] = {
    "ball": ("beach", "grass"),
    "star": ("night", "sky"),
    "heart": ("sky", "grass"),
    "tree": ("grass", "night"),
    "house": ("grass", "night"),
    "fish": ("beach", "sky"),
    "boat": ("beach", "sky"),
    "moon": ("night", "sky"),
}
Mention = Literal["always", "never", "sometimes"]
Combinations = Literal["any", "typical", "unusual"]
TYPICAL_SHARE = 0.75
"""Of the colours and backgrounds that a text leaves open: typical ones; the others are drawn from
all.
"""
SAID_TYPICAL_SHARES: dict[Combinations, float] = {"any": 0.5, "typical": 1.0, "unusual": 0.15}
"""Of the colours that a text says."""
CHAIN_SHARE = 0.6
"""Of the links that hold on to the thing before; the others to any that is placed already."""
STYLE_SHARES = (0.6, 0.2, 0.2)
"""Of the styles that a text leaves open: filled, outline, striped."""


@dataclass(frozen=True)
class Rules:
    """What a text of this skill must say; a pair is (least, most)."""

    groups: tuple[int, int] = (1, 3)
    each: tuple[int, int] = (1, 1)
    """How many things a group may have."""
    links: tuple[int, int] = (0, 0)
    colours: Mention = "sometimes"
    background: Mention = "sometimes"
    style: Mention = "never"
    combinations: Combinations = "any"
    """Unusual: at least one thing in a colour or a place it mostly does not have."""
    twins: Mention = "sometimes"
    """Two groups of the same kind in different colours."""
    form: Literal["phrase", "paragraph"] = "phrase"
    kinds: tuple[str, ...] = field(default=KINDS)
    palette: tuple[str, ...] = field(default=tuple(COLOURS))


def from_table(table: Mapping[str, Any], where: str) -> Rules:
    """The `[rules]` of a skill's TOML. Raises EngineError for an unknown or wrong entry."""
    return build(Rules, table, where)


def breaks(graph: Graph, rules: Rules) -> str | None:
    """Why a graph is not of this skill, or None."""
    fault = _out_of_range(graph, rules) or _unsaid_or_unasked(graph, rules)
    if fault:
        return fault
    if rules.combinations == "unusual" and not is_unusual(graph):
        return "nothing in it is unusual"
    if rules.combinations == "typical" and is_unusual(graph):
        return "something in it is unusual"
    return None


def _unsaid_or_unasked(graph: Graph, rules: Rules) -> str | None:
    colours = [g.colour is not None for g in graph.groups]
    facts: tuple[tuple[str, Mention, list[bool]], ...] = (
        ("a background", rules.background, [graph.background is not None]),
        ("a style", rules.style, [graph.style is not None]),
        ("a colour", rules.colours, colours),
        ("two groups of one kind", rules.twins, [has_twins(graph)]),
    )
    for what, rule, present in facts:
        if rule == "always" and not all(present):
            return f"{what} is missing"
        if rule == "never" and any(present):
            return f"{what} is not asked for"
    return None


def _out_of_range(graph: Graph, rules: Rules) -> str | None:
    fault = _beyond(len(graph.groups), rules.groups, "groups of things")
    fault = fault or _beyond(len(graph.links), rules.links, "places")
    if fault:
        return fault
    for group in graph.groups:
        if fault := _beyond(group.count, rules.each, "of one thing"):
            return fault
        if group.kind not in rules.kinds or group.colour not in (None, *rules.palette):
            thing = f"{group.colour or ''} {group.kind}".lstrip()
            return f"{thing} is not among its things and colours"
    return None


def _beyond(number: int, bounds: tuple[int, int], what: str) -> str | None:
    least, most = bounds
    return None if least <= number <= most else f"{number} {what}, not {least} to {most}"


def has_twins(graph: Graph) -> bool:
    kinds = graph.kinds()
    return len(set(kinds)) < len(kinds)


def is_unusual(graph: Graph) -> bool:
    """Whether a thing has a colour or a background that the world mostly does not show it in."""
    for group in graph.groups:
        if group.colour is not None and group.colour not in TYPICAL[group.kind]:
            return True
        settings = TYPICAL_SETTINGS[group.kind]
        if graph.background is not None and graph.background not in settings:
            return True
    return False


def draw(rules: Rules, rng: np.random.Generator) -> Graph:
    """A graph of this skill. Rules that allow nothing run into the assertion."""
    for _ in range(2000):
        graph = _attempt(rules, rng)
        if graph is not None and _follows(graph, rules):
            return graph
    raise AssertionError(f"no graph found for {rules}")


def is_easy(rules: Rules, rng: np.random.Generator, tries: int = 50) -> bool:
    """Whether at least one random graph in ten follows the rules, so that drawing is quick."""
    good = 0
    for _ in range(tries):
        graph = _attempt(rules, rng)
        if graph is not None and _follows(graph, rules):
            good += 1
    return good * 10 >= tries


def _follows(graph: Graph, rules: Rules) -> bool:
    return graph.fault() is None and breaks(graph, rules) is None


def _attempt(rules: Rules, rng: np.random.Generator) -> Graph | None:
    number = int(rng.integers(rules.groups[0], rules.groups[1] + 1))
    least_each, most_each = rules.each
    counts = rng.integers(least_each, most_each + 1, number).tolist()
    background = str(rng.choice(list(BACKGROUNDS))) if _says(rules.background, rng) else None
    style = str(rng.choice(STYLES)) if _says(rules.style, rng) else None
    groups: list[Group] = []
    for count in counts:
        kind = str(rng.choice(rules.kinds))
        if groups and _says(rules.twins, rng, 0.1):
            kind = groups[-1].kind
        colour = _colour(kind, rules, rng) if _says(rules.colours, rng, 0.75) else None
        groups.append(Group(kind, colour, count, count > 1))
    number = 0
    if sum(counts) <= MOST_THINGS:
        number = int(rng.integers(rules.links[0], rules.links[1] + 1))
    links = _links(groups, number, rng)
    return None if links is None else Graph(tuple(groups), links, background, style)


def _says(rule: Mention, rng: np.random.Generator, share: float = 0.5) -> bool:
    if rule == "sometimes":
        return bool(rng.random() < share)
    return rule == "always"


def _colour(kind: str, rules: Rules, rng: np.random.Generator) -> str:
    typical = [c for c in TYPICAL[kind] if c in rules.palette]
    unusual = [c for c in rules.palette if c not in TYPICAL[kind]]
    share = SAID_TYPICAL_SHARES[rules.combinations]
    pick = typical if typical and (rng.random() < share or not unusual) else unusual
    return str(rng.choice(pick))


def _links(groups: list[Group], number: int, rng: np.random.Generator) -> tuple[Link, ...] | None:
    """A chain or fan of links, each new one holding on to something already placed."""
    single = [i for i, g in enumerate(groups) if g.count == 1]
    if number > max(0, len(single) - 1):
        return None
    links: list[Link] = []
    for new in range(1, number + 1):
        is_chain = rng.random() < CHAIN_SHARE
        other = single[new - 1] if is_chain else single[int(rng.integers(0, new))]
        word = str(rng.choice(list(OPPOSITES)))
        links.append(Link(single[new], word, other))
    return tuple(links)


def imagine(graph: Graph, rng: np.random.Generator) -> Scene | None:
    """A scene that shows the graph; what the graph leaves open is drawn, typical colours and places
    first.

    None when no placement was found.
    """
    things: list[Thing] = []
    first: list[int] = []
    for group in graph.groups:
        colour = group.colour or _free_colour(group, graph, rng)
        first.append(len(things))
        things += [Thing(group.kind, colour)] * group.count
    relations = []
    for link in graph.links:
        relations.append(Relation(first[link.subject], link.word, first[link.other]))
    placed = place(things, relations, rng)
    if placed is None:
        return None
    background = graph.background or _free_background(graph, rng)
    style = graph.style or str(rng.choice(STYLES, p=STYLE_SHARES))
    return Scene(placed, background, style)


def _free_colour(group: Group, graph: Graph, rng: np.random.Generator) -> str:
    taken = {g.colour for g in graph.groups if g.kind == group.kind}
    options = TYPICAL[group.kind] if rng.random() < TYPICAL_SHARE else tuple(COLOURS)
    free = [c for c in options if c not in taken]
    if not free:
        free = [c for c in COLOURS if c not in taken]
    return str(rng.choice(free))


def _free_background(graph: Graph, rng: np.random.Generator) -> str:
    group = graph.groups[int(rng.integers(len(graph.groups)))]
    typical = list(TYPICAL_SETTINGS[group.kind])
    options = typical if rng.random() < TYPICAL_SHARE else list(BACKGROUNDS)
    return str(rng.choice(options))
