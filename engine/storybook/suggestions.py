"""The nearest Storybook sentence to a text outside the language: what can be kept of it is kept."""

import difflib
import re
from dataclasses import dataclass, field, replace

import numpy as np

from engine.storybook.graph import Graph, Group, Link
from engine.storybook.scenes import MOST_THINGS
from engine.storybook.shapes import BACKGROUNDS, COLOURS, STYLES
from engine.storybook.speech import say
from engine.storybook.words import COUNTS, KNOWN, NOUNS, PLACES, PLURALS, SYNONYMS

FUNCTION_WORDS = {
    "a",
    "an",
    "the",
    "and",
    "is",
    "are",
    "there",
    "of",
    "to",
    "at",
    "in",
    "on",
    "it",
    "picture",
    "scene",
}
MEANINGS = {
    "red": "crimson scarlet ruby maroon",
    "orange": "amber",
    "yellow": "gold golden lemon blond",
    "green": "lime olive emerald",
    "blue": "navy azure cyan turquoise teal",
    "purple": "violet lilac lavender indigo",
    "pink": "rose magenta",
    "brown": "tan beige bronze wooden chocolate",
    "ball": "circle sphere orb balloon football disc disk sun bubble",
    "balls": "circles spheres balloons bubbles",
    "house": "home hut cottage cabin castle barn building",
    "houses": "homes huts cottages castles buildings",
    "boat": "ship sailboat yacht canoe",
    "boats": "ships sailboats yachts canoes",
    "tree": "pine oak palm fir",
    "trees": "pines oaks palms firs forest wood",
    "moon": "crescent",
    "fish": "shark whale goldfish",
    "heart": "love",
    "star": "asterisk",
    "beach": "sea seaside ocean sand shore coast desert water lake river pond",
    "grass": "meadow lawn field garden park grassland hill",
    "night": "dark darkness evening midnight dusk nighttime",
    "sky": "clouds cloud air heaven daytime",
    "outline": "contour contours sketch sketched hollow unfilled lines",
    "striped": "stripes stripy stripey stripe",
    "filled": "solid flat",
    "left": "beside next near by alongside",
    "above": "atop top higher",
    "below": "beneath underneath front lower",
    "one": "single lone only zero 0",
    "two": "couple pair both double",
    "three": "few several some trio",
    "six": "dozen many lots seven eight nine ten eleven twelve twenty hundred",
    "no": "without",
}
"""Words that people use for what the language can say, by what it says instead."""
MEANT = {word: token for token, words in MEANINGS.items() for word in words.split()}


def nearest(text: str) -> tuple[str, tuple[str, ...]]:
    """A sentence inside the language, and the content words of `text` that the language knows."""
    words = re.findall(r"\w+|[.;!?]", text.lower())
    close = [_closest_word(w) for w in words]
    known = [c for c in close if c and c not in FUNCTION_WORDS]
    tokens = [
        c or MEANT.get(w) or ("six" if w.isdigit() else w if w in ".;!?" else "")
        for c, w in zip(close, words, strict=True)
    ]
    sketch = _Sketch()
    for at, token in enumerate(tokens):
        sketch.take(token, tokens[at + 1 : at + 3])
    graph = sketch.graph()
    return say(graph, np.random.default_rng(0), paragraph=len(graph.links) > 1), tuple(
        dict.fromkeys(known)
    )


def _closest_word(word: str) -> str:
    """The word itself, one of the language a slip away, or nothing."""
    word = SYNONYMS.get(word, word)
    if word in KNOWN or word in MEANT or len(word) < 3:
        return word if word in KNOWN else ""
    close = difflib.get_close_matches(word, sorted(KNOWN), 1, 0.8)
    return SYNONYMS.get(close[0], close[0]) if close else ""


@dataclass
class _Sketch:
    """What was understood so far, read from left to right; words nobody understands are passed
    over.
    """

    groups: list[Group] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    background: str | None = None
    style: str | None = None
    count: int | None = None
    colour: str | None = None
    place: str | None = None
    ahead: str | None = None
    """A place word that came before any thing: "left of the ball is a star"."""
    last: int | None = None
    definite: bool = False
    negated: bool = False

    def take(self, token: str, upcoming: list[str]) -> None:
        """One token; the two that follow tell whether a colour belongs to the next thing or to the
        last.
        """
        if token in NOUNS:
            self.noun(token)
        elif token in COLOURS:
            self.paint(token, any(t in NOUNS for t in upcoming))
        elif token in PLACES:
            self.place = token
        elif token in COUNTS:
            self.count = COUNTS[token]
        elif token == "a":
            self.count = self.colour = None
        elif token in BACKGROUNDS or token in STYLES:
            self.whole(token)
        elif token == "on" and self.last is not None:
            self.place = self.place or "above"
        elif token in ("the", "no"):
            self.definite, self.negated = token == "the", token == "no"
        elif token and token in ".;!?":
            self.ahead = self.place = None
            self.last = None if upcoming[:1] != ["scene"] else self.last

    def whole(self, token: str) -> None:
        """A background, which takes the "on" or "over" before it, or a style; the first of each
        counts.
        """
        if token in STYLES:
            self.style = self.style or token
        else:
            self.background, self.place = self.background or token, None

    def paint(self, colour: str, is_next: bool) -> None:
        if not is_next and self.last is not None and self.groups[self.last].colour is None:
            self.groups[self.last] = replace(self.groups[self.last], colour=colour)
        else:
            self.colour = colour

    def noun(self, token: str) -> None:
        plural = token in PLURALS.values() and token not in PLURALS
        new = Group(NOUNS[token], self.colour, self.count or 1 + plural, self.count is not None)
        if not self.negated and (index := self._index(new)) is not None:
            self._link(index)
        self.count = self.colour = self.place = None
        self.definite = self.negated = False

    def _index(self, new: Group) -> int | None:
        """Of the group that "the" points back to, of an equal one that grows, or of a new one; None
        without room.
        """
        room = MOST_THINGS - sum(g.count for g in self.groups)
        said = [
            i
            for i, g in enumerate(self.groups)
            if g.kind == new.kind and new.colour in (None, g.colour)
        ]
        if said and self.definite:
            return said[-1]
        if room <= 0:
            return None
        equal = [
            i
            for i in said
            if self.groups[i].colour == new.colour and not (self.place or self.ahead)
        ]
        if equal:
            old = self.groups[equal[0]]
            self.groups[equal[0]] = replace(
                old, count=old.count + min(new.count, room), counted=True
            )
            return equal[0]
        self.groups.append(replace(new, count=min(new.count, room)))
        return len(self.groups) - 1

    def _link(self, index: int) -> None:
        if self.place and self.last is None:
            self.ahead = self.place
        elif self.place and self.last != index:
            self.links.append(Link(self.last or 0, self.place, index))
        elif self.ahead and self.last not in (None, index):
            self.links.append(Link(index, self.ahead, self.last or 0))
            self.ahead = None
        self.last = index

    def graph(self) -> Graph:
        """The sketch without the links that cannot hold, and with colours where two groups need
        them.
        """
        groups = _told_apart(self.groups) or [Group("ball", self.colour or "red")]
        links: list[Link] = []
        for link in self.links:
            if Graph(tuple(groups), (*links, link)).fault() is None:
                links.append(link)
        return Graph(tuple(groups), tuple(links), self.background, self.style)


def _told_apart(groups: list[Group]) -> list[Group]:
    """Groups of one kind in different colours; the first that has a colour keeps it."""
    told: list[Group] = []
    for at, group in enumerate(groups):
        taken = {g.colour for g in [*told, *groups[at + 1 :]] if g.kind == group.kind}
        if sum(g.kind == group.kind for g in groups) > 1 and (
            group.colour is None or group.colour in {g.colour for g in told if g.kind == group.kind}
        ):
            group = replace(group, colour=next(c for c in COLOURS if c not in taken))
        told.append(group)
    return told
