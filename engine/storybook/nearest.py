"""The nearest Storybook sentence to a text outside the language: what can be kept of it is kept."""
import difflib
import re

import numpy as np

from engine.storybook.graph import Graph, Group, Link
from engine.storybook.scenes import MOST_THINGS
from engine.storybook.shapes import COLOURS, STYLES
from engine.storybook.speech import say
from engine.storybook.words import COUNTS, KNOWN, NOUNS, PLACES, SETTINGS, SYNONYMS

FUNCTION_WORDS = {"a", "an", "the", "and", "is", "are", "there", "of", "to", "at", "in", "on", "it"}


def nearest(text: str) -> tuple[str, tuple[str, ...]]:
    """A sentence inside the language, and the content words of `text` that the language knows."""
    tokens = [_closest_word(t) for t in re.findall(r"\w+", text.lower())]
    known = tuple(dict.fromkeys(t for t in tokens if t and t not in FUNCTION_WORDS))
    style = next((t for t in tokens if t in STYLES), None)
    background = next((name for name, phrase in SETTINGS.items() if name in tokens or phrase in text.lower()), None)
    groups, links = _things([t for t in tokens if t])
    for candidate in (links, ()):
        graph = Graph(tuple(groups), candidate, background, style)
        if graph.fault() is None:
            break
    return say(graph, np.random.default_rng(0), paragraph=False if len(graph.links) < 2 else None), known


def _closest_word(token: str) -> str:
    """The token itself, a word one slip away, or nothing."""
    token = SYNONYMS.get(token, token)
    if token in KNOWN:
        return token
    close = difflib.get_close_matches(token, sorted(KNOWN), 1, 0.8) if len(token) > 2 else []
    return SYNONYMS.get(close[0], close[0]) if close else ""


def _things(tokens: list[str]) -> tuple[list[Group], tuple[Link, ...]]:
    """Every noun with the number and colour before it; a place word between two single things links them."""
    groups: list[Group] = []
    links: list[Link] = []
    count, colour, word = 1, None, None
    for token in tokens:
        count = COUNTS.get(token, count)
        colour = token if token in COLOURS else colour
        word = token if token in PLACES else word
        if token not in NOUNS:
            continue
        room = MOST_THINGS - sum(g.count for g in groups)
        new = Group(NOUNS[token], colour, min(count, room), count > 1)
        if room and all((g.kind, g.colour) != (new.kind, new.colour) for g in groups):
            groups.append(new)
            if word and len(groups) > 1 and groups[-2].count == groups[-1].count == 1:
                links.append(Link(len(groups) - 2, word, len(groups) - 1))
        count, colour, word = 1, None, None
    distinct = [g for g in groups if sum(g.kind == h.kind for h in groups) == 1 or g.colour]
    if len(distinct) < len(groups):
        return distinct or [groups[0]], ()
    return groups or [Group("ball", colour or "red")], tuple(links)
