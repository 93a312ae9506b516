"""JSON as language models write it: cut short, with commas too many, quotes unescaped or of the
wrong kind.

A strict reader would lose whole answers; a lenient search for strings would keep keys, tags and
chatter. This one reads a value from its first bracket to its last, or says where it stopped making
sense.
"""

import re
from dataclasses import dataclass
from typing import Any

MOST_NESTED = 8

_BLANK = re.compile(r"(?:\s|//[^\n]*|#[^\n]*|/\*.*?\*/|\.\.\.|\u2026)*", re.DOTALL)
"""Spaces, comments, and the dots of a list that says it would go on."""
_ATOM = re.compile(r"(?:-?\d[\d.eE+-]*|true|false|null|True|False|None)\b")
_BARE_KEY = re.compile(r"\w+(?=\s*:)")
_CLOSERS = {
    '"': '"',
    "'": "'",
    "\u201c": '\u201d\u201c"',
    "\u201e": "\u201c\u201d",
    "\u2018": "\u2019",
}
_GOES_ON = r"""\s*(?:[,\]}:]|$)|[ \t]*\n\s*["'\u201c{\[]|[ \t]+(?://|\#)[ ]"""
_END = {
    opener: re.compile(rf"(?<!\\)(?:\\\\)*[{closers}](?={_GOES_ON})")
    for opener, closers in _CLOSERS.items()
}
"""A quote ends a text only where a list or an object can go on, so that quotes inside need no
escape.
"""
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


@dataclass(frozen=True)
class Fields:
    """An object, as pairs: a model may use one key for every prompt."""

    pairs: tuple[tuple[str, Any], ...]


class BrokenJson(ValueError):
    """No such value; `at` is where it stopped making sense."""

    def __init__(self, at: int) -> None:
        super().__init__(f"no JSON at {at}")
        self.at = at


class _TextEnds(Exception):
    """The text ended inside a value."""


def read(text: str, start: int) -> tuple[Any, int, bool]:
    """The list or object that begins at `start`, where it ends, and whether the text ended first:
    then what is whole.

    Lists, `Fields`, texts, and None for every other value. Raises BrokenJson.
    """
    reader = _Reader(text, start)
    value = reader.container(0)
    return value, reader.at, reader.cut


class _Reader:
    def __init__(self, text: str, at: int) -> None:
        self.text, self.at, self.cut = text, at, False

    def container(self, depth: int) -> Any:
        if depth > MOST_NESTED:
            raise BrokenJson(self.at)
        is_list, items = self.text[self.at] == "[", []
        self.at += 1
        try:
            while not self._closes("]" if is_list else "}"):
                items.append(self._value(depth) if is_list else self._pair(depth))
                if self.cut:
                    break
                self._separator()
        except _TextEnds:
            self.cut = True
        return items if is_list else Fields(tuple(items))

    def _closes(self, closer: str) -> bool:
        self._skip()
        if self.text[self.at] == closer:
            self.at += 1
            return True
        return False

    def _separator(self) -> None:
        """Commas, or a new line where one was forgotten."""
        before = self.at
        self._skip()
        if self.text[self.at] == ",":
            while self.text[self.at] == ",":
                self.at += 1
                self._skip()
        elif self.text[self.at] not in "]}" and "\n" not in self.text[before : self.at]:
            raise BrokenJson(self.at)

    def _pair(self, depth: int) -> tuple[str, Any]:
        bare = _BARE_KEY.match(self.text, self.at)
        if bare:
            self.at = bare.end()
        key = bare[0] if bare else self._string()
        self._skip()
        if self.text[self.at] != ":":
            raise BrokenJson(self.at)
        self.at += 1
        self._skip()
        return key, self._value(depth)

    def _value(self, depth: int) -> Any:
        if self.text[self.at] in "[{":
            return self.container(depth + 1)
        if atom := _ATOM.match(self.text, self.at):
            self.at = atom.end()
            return None
        return self._string()

    def _string(self) -> str:
        end = _END.get(self.text[self.at])
        if not end:
            raise BrokenJson(self.at)
        if not (found := end.search(self.text, self.at + 1)):
            self.at = len(self.text)
            raise _TextEnds
        raw = self.text[self.at + 1 : found.end() - 1]
        self.at = found.end()
        return _ESCAPE.sub(_unescaped, raw)

    def _skip(self) -> None:
        blank = _BLANK.match(self.text, self.at)
        self.at = blank.end() if blank else self.at
        if self.at >= len(self.text):
            raise _TextEnds


def _unescaped(match: re.Match[str]) -> str:
    what = match[1]
    return chr(int(what[1:], 16)) if len(what) == 5 else _ESCAPED.get(what, what)
