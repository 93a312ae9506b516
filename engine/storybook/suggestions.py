"""The nearest Storybook sentence to a text outside the language: what can be kept of it is kept."""

import difflib
import re
from dataclasses import dataclass, field, replace

import numpy as np

from engine.storybook.graph import Graph, Group, Link
from engine.storybook.scenes import MOST_THINGS
from engine.storybook.shapes import BACKGROUNDS, COLOURS, STYLES
from engine.storybook.speech import say
from engine.storybook.words import ALL_WORDS, COUNTS, NOUNS, PLACES, PLURALS, SYNONYMS

FUNCTION_WORDS = set("a an the and is are there of to at in on it picture scene".split())
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
TRANSLATIONS: dict[str, str] = {}
"""The other way about."""
for _token, _words in MEANINGS.items():
    TRANSLATIONS |= dict.fromkeys(_words.split(), _token)
SENTENCE_ENDS = ".;!?"


def nearest(text: str) -> tuple[str, tuple[str, ...]]:
    """A sentence inside the language, and the content words of `text` that the language knows."""
    tokens: list[str] = []
    known: dict[str, None] = {}
    for word in re.findall(rf"\w+|[{SENTENCE_ENDS}]", text.lower()):
        closest = _closest_word(word)
        tokens.append(closest or _meant(word))
        if closest and closest not in FUNCTION_WORDS:
            known[closest] = None
    sketch = _Sketch()
    for at, token in enumerate(tokens):
        sketch.take(token, tokens[at + 1 : at + 3])
    graph = sketch.graph()
    sentence = say(graph, np.random.default_rng(0), paragraph=len(graph.links) > 1)
    return sentence, tuple(known)


def _meant(word: str) -> str:
    """What a word outside the language stands for; "" where nobody knows."""
    if word in TRANSLATIONS:
        return TRANSLATIONS[word]
    if word.isdigit():
        return "six"
    return word if word in SENTENCE_ENDS else ""


def _closest_word(word: str) -> str:
    """The word itself, one of the language a slip away, or nothing."""
    word = SYNONYMS.get(word, word)
    if word in ALL_WORDS or word in TRANSLATIONS or len(word) < 3:
        return word if word in ALL_WORDS else ""
    close = difflib.get_close_matches(word, sorted(ALL_WORDS), 1, 0.8)
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
        is_plural = token in PLURALS.values() and token not in PLURALS
        count = self.count or (2 if is_plural else 1)
        new = Group(NOUNS[token], self.colour, count, self.count is not None)
        index = None if self.negated else self._index(new)
        if index is not None:
            self._link(index)
        self.count = self.colour = self.place = None
        self.definite = self.negated = False

    def _index(self, new: Group) -> int | None:
        """Of the group that "the" points back to, of an equal one that grows, or of a new one; None
        without room.
        """
        room = MOST_THINGS - sum(group.count for group in self.groups)
        same: list[int] = []
        equal: list[int] = []
        for index, group in enumerate(self.groups):
            if group.kind != new.kind:
                continue
            if new.colour in (None, group.colour):
                same.append(index)
            if new.colour == group.colour and not (self.place or self.ahead):
                equal.append(index)
        if same and self.definite:
            return same[-1]
        if room <= 0:
            return None
        if equal:
            first = self.groups[equal[0]]
            count = first.count + min(new.count, room)
            self.groups[equal[0]] = replace(first, count=count, counted=True)
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
        groups = _distinct(self.groups) or [Group("ball", self.colour or "red")]
        links: list[Link] = []
        for link in self.links:
            if Graph(tuple(groups), (*links, link)).fault() is None:
                links.append(link)
        return Graph(tuple(groups), tuple(links), self.background, self.style)


def _distinct(groups: list[Group]) -> list[Group]:
    """Groups of one kind in different colours; the first that has a colour keeps it."""
    distinct: list[Group] = []
    for at, group in enumerate(groups):
        before = {g.colour for g in distinct if g.kind == group.kind}
        after = {g.colour for g in groups[at + 1 :] if g.kind == group.kind}
        is_alone = not before and not after
        if not is_alone and (group.colour is None or group.colour in before):
            free = [colour for colour in COLOURS if colour not in before | after]
            group = replace(group, colour=free[0])
        distinct.append(group)
    return distinct
