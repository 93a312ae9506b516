"""Storybook English, text to graph. What lies outside it is refused with the reason and the nearest
text inside it.
"""

import re
from collections.abc import Iterator

from engine.core.errors import EngineError
from engine.storybook.graph import Graph, Group, Link
from engine.storybook.shapes import COLOURS, STYLES
from engine.storybook.words import ALL_WORDS, COUNTS, NOUNS, SETTINGS, SYNONYMS

MOST_CHARACTERS = 1000


class Unreadable(EngineError):
    """A text outside Storybook English. `nearest` is a sentence inside it; `known` the words it
    shares.
    """

    def __init__(self, reason: str, nearest: str, known: tuple[str, ...]) -> None:
        shared = f" It knows {', '.join(known)}." if known else ""
        super().__init__(
            f"Storybook cannot read this: {reason}.{shared} Try: \u201c{nearest}\u201d"
        )
        self.reason, self.nearest, self.known_words = reason, nearest, known


class _Fault(Exception):
    """Where the grammar ends; becomes Unreadable at the edge."""


def parse(text: str) -> Graph:
    """The graph of a text. Raises Unreadable."""
    try:
        return _graph(text)
    except _Fault as fault:
        from engine.storybook.suggestions import nearest

        sentence, known = nearest(text[:MOST_CHARACTERS])
        raise Unreadable(str(fault), sentence, known) from fault


def fault(text: str) -> str | None:
    """Why a text cannot be read, without looking for the nearest that can; None where it can."""
    try:
        _graph(text)
    except _Fault as found:
        return str(found)
    return None


def _graph(text: str) -> Graph:
    graph = _Reader(_tokens(text)).text()
    if found := graph.fault():
        raise _Fault(found)
    return graph


def _tokens(text: str) -> list[str]:
    if len(text) > MOST_CHARACTERS:
        raise _Fault(f"it has {len(text)} characters, and the longest text has {MOST_CHARACTERS}")
    tokens = re.findall(r"\w+|[.,]|[^\w\s]", text.lower())
    for token in tokens:
        if token not in ALL_WORDS and token not in ".,":
            raise _Fault(f"\u201c{token[:40]}\u201d is not one of its words")
    return [SYNONYMS.get(t, t) for t in tokens]


class _Reader:
    """Recursive descent over the tokens of one text."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens, self.at = tokens, 0
        self.groups: list[Group] = []
        self.links: list[Link] = []
        self.background: str | None = None
        self.style: str | None = None

    def text(self) -> Graph:
        while self.at < len(self.tokens):
            if not self.take("."):
                self.sentence()
        return Graph(tuple(self.groups), tuple(self.links), self.background, self.style)

    def sentence(self) -> None:
        if self.setting():
            self.take(",")
        if self.style_sentence() or self.scene_sentence():
            return
        self.style_lead()
        if self.take("there"):
            self.need("is")
        if place := self.place():
            self.inverted_clause(place)
        else:
            self.clauses()
        self.end()

    def style_sentence(self) -> bool:
        """ "the picture is striped"."""
        if not self.take("the", "picture", "is"):
            return False
        self.set_style(self.one_of(STYLES, "a style"))
        self.end()
        return True

    def scene_sentence(self) -> bool:
        """ "the scene is at night"; "it" reads as "scene"."""
        if not (self.take("the", "scene", "is") or self.take("scene", "is")):
            return False
        if not self.setting():
            raise _Fault(
                "after \u201cthe scene is\u201d it expects " + " or ".join(SETTINGS.values())
            )
        self.end()
        return True

    def style_lead(self) -> None:
        """ "a striped picture of"."""
        for style in STYLES:
            if self.take("a", style, "picture", "of") or self.take(style, "picture", "of"):
                self.set_style(style)

    def set_style(self, style: str) -> None:
        if self.style not in (None, style):
            raise _Fault("a picture has one style")
        self.style = style

    def inverted_clause(self, place: str) -> None:
        """ "left of the ball is a star"."""
        other = self.thing()
        self.need("is")
        self.links.append(Link(self.thing(), place, other))

    def clauses(self) -> None:
        """ "a ball, a star left of a tree and two hearts"."""
        while True:
            subject = self.thing()
            said = self.take("is")
            if place := self.place():
                self.links.append(Link(subject, place, self.thing()))
            elif not self.setting() and said:
                raise _Fault("after \u201cis\u201d it expects a place")
            if not (self.take(",", "and") or self.take(",") or self.take("and")):
                return

    def end(self) -> None:
        self.take(",")
        self.setting()
        if self.at < len(self.tokens) and not self.take("."):
            raise _Fault(f"it does not expect \u201c{self.tokens[self.at]}\u201d there")

    def thing(self) -> int:
        """The index of a new group, or of the one that "the" points back to."""
        definite = self.take("the")
        count, counted = 1, False
        if not definite and not self.take("a"):
            count, counted = COUNTS[self.one_of(COUNTS, "a number or \u201ca\u201d")], True
        colour = self.peek() if self.peek() in COLOURS else None
        self.at += colour is not None
        kind = NOUNS[self.one_of(NOUNS, "a thing")]
        if definite:
            return self.referent(kind, colour)
        self.groups.append(Group(kind, colour, count, counted))
        return len(self.groups) - 1

    def referent(self, kind: str, colour: str | None) -> int:
        found = [
            i for i, g in enumerate(self.groups) if g.kind == kind and colour in (None, g.colour)
        ]
        if len(found) != 1:
            what = f"{colour or ''} {kind}".strip()
            raise _Fault(
                f"\u201cthe {what}\u201d could mean "
                f"{'several things' if found else 'nothing said before'}"
            )
        return found[0]

    def place(self) -> str | None:
        start = self.at
        self.take("to", "the")
        self.take("on", "the")
        for word in ("left", "right"):
            if self.take(word, "of"):
                return word
        self.at = start
        return next((word for word in ("above", "below") if self.take(word)), None)

    def setting(self) -> bool:
        for name, phrase in SETTINGS.items():
            if self.take(*phrase.split()):
                if self.background not in (None, name):
                    raise _Fault("a scene has one background")
                self.background = name
                return True
        return False

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self, *words: str) -> bool:
        found = self.tokens[self.at : self.at + len(words)] == list(words)
        self.at += len(words) * found
        return found

    def need(self, word: str) -> None:
        if not self.take(word):
            raise _Fault(
                f"it expects \u201c{word}\u201d before \u201c{self.peek() or 'the end'}\u201d"
            )

    def one_of(self, words: Iterator[str] | object, what: str) -> str:
        word = self.peek()
        if word not in words:  # type: ignore[operator]
            raise _Fault(f"it expects {what} instead of \u201c{word or 'the end'}\u201d")
        self.at += 1
        return word
