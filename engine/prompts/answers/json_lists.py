"""Which JSON of an answer is its list of prompts: the last one of the right shape, and of its
objects the right field.
"""

import re
from dataclasses import dataclass
from typing import Any

from engine.prompts.answers.json_reader import Broken, Fields, read

PROMPT_KEYS = (
    "prompt",
    "image_prompt",
    "text_prompt",
    "new_prompt",
    "positive_prompt",
    "text",
    "caption",
    "description",
    "scene",
    "sentence",
    "content",
    "line",
    "value",
)
"""Under which an object keeps its prompt, the likeliest first."""
LIST_KEYS = {
    "prompts",
    "image_prompts",
    "text_prompts",
    "new_prompts",
    "captions",
    "texts",
    "descriptions",
    "scenes",
    "sentences",
    "lines",
    "items",
    "list",
    "results",
    "data",
    "answer",
    "output",
    "response",
}
ASIDE = {
    "rationale",
    "rationales",
    "reasoning",
    "reason",
    "explanation",
    "thought",
    "thoughts",
    "thinking",
    "analysis",
    "note",
    "notes",
    "comment",
    "comments",
    "justification",
    "why",
    "rules",
    "constraints",
    "examples",
    "error",
    "message",
    "title",
    "id",
    "index",
    "number",
    "no",
    "skill",
    "category",
    "type",
    "tag",
    "tags",
    "keywords",
}
"""What stands beside prompts and is none."""
MOST_STARTS = 1000
"""How many brackets are tried, so that an answer of brackets alone takes no minutes."""

_BRACKET = re.compile(r"[\[{]")
_KEY = re.compile(r"[\"']([\w -]{1,40})[\"']\s{0,9}:\s{0,9}\Z")
_LEADS_IN = re.compile(r"[^\W\d_]*(?:.*[:=])?[\W\d_]*")
"""What may stand before a list in its line: a word ("json"), or anything that ends in a colon."""
_BETWEEN = re.compile(r"[\s,;]*(?:\(?\d{1,3}[.):]\s*|[-*\u2022]\s*)?")
"""What stands between objects of which each is a prompt: nothing, a comma, or a number of their
own.
"""


@dataclass(frozen=True)
class _Found:
    lines: list[str]
    start: int
    end: int
    alone: bool
    """Whether it holds the line by itself, and is no bracket in a sentence."""
    one: bool
    """Whether it is one prompt, of which several may follow each other."""


def lines_of(text: str) -> list[str]:
    """The texts of the last list of prompts in `text`, whole or cut short; none where there is no
    such list.
    """
    found: list[_Found] = []
    at = 0
    for _ in range(MOST_STARTS):
        if not (bracket := _BRACKET.search(text, at)):
            break
        start = bracket.start()
        try:
            value, end, cut = read(text, start)
        except Broken as broken:
            at = max(broken.at, start + 1)
            continue
        lines, alone = _lines(value), _is_alone(text, start, end)
        # a bracket in a sentence may run to the end and hold nothing: the list stands behind it
        at = start + 1 if cut and not lines and not alone else end
        if lines and _is_wanted(text, start):
            found.append(
                _Found(lines, start, end, alone, one=isinstance(value, Fields) or len(value) == 1)
            )
    return _last(text, [one for one in found if one.alone] or found)


def _last(text: str, found: list[_Found]) -> list[str]:
    """The last list, or all of the last objects that follow each other."""
    lines: list[str] = []
    for place in range(len(found) - 1, -1, -1):
        lines = found[place].lines + lines
        before = found[place - 1] if place else None
        if not (
            before
            and before.one
            and found[place].one
            and _BETWEEN.fullmatch(text, before.end, found[place].start)
        ):
            break
    return lines


def _is_wanted(text: str, start: int) -> bool:
    """False for what stands under another key in an object that makes no sense as a whole."""
    key = _KEY.search(text, max(0, start - 60), start)
    return not key or _name(key[1]) in LIST_KEYS


def _is_alone(text: str, start: int, end: int) -> bool:
    before = text[text.rfind("\n", 0, start) + 1 : start]
    after = text[end:].split("\n", 1)[0]
    return bool(_LEADS_IN.fullmatch(before)) and not re.search(r"[^\W\d_]", after)


def _lines(value: Any) -> list[str]:
    return (
        _of_list(value)
        if isinstance(value, list)
        else _of_object(value)
        if isinstance(value, Fields)
        else []
    )


def _of_list(items: list[Any]) -> list[str]:
    """Every item's text, if no fewer items have one than have none (the last may be cut short)."""
    if len(items) == 1 and isinstance(items[0], Fields):
        return _of_object(items[0], alone=False)
    lines, strange = [], 0
    for item in items:
        line = _line(item)
        if line:
            lines.append(line)
        elif item not in ("", [], Fields(())):
            strange += 1
    return lines if len(lines) >= strange else []


def _line(item: Any) -> str:
    """The text of an item: itself, the prompt of an object, or the only text of a list."""
    if isinstance(item, str):
        return item.strip()
    if isinstance(item, Fields):
        return _prompt_of(item)
    texts = [text for text in item if isinstance(text, str)] if isinstance(item, list) else []
    return texts[0].strip() if len(texts) == 1 else ""


def _prompt_of(item: Fields) -> str:
    """What stands under a prompt's name, else the only text that is not known for something else;
    else "".
    """
    named = {_name(key): value for key, value in item.pairs}
    for key in PROMPT_KEYS:
        if key in named and not isinstance(named[key], list) and (line := _line(named[key])):
            return line
    texts = [value for key, value in named.items() if isinstance(value, str) and key not in ASIDE]
    return texts[0].strip() if len(texts) == 1 else ""


def _of_object(item: Fields, alone: bool = True) -> list[str]:
    """The list in an object, its one prompt, or the prompts under numbered keys.

    An object that stands `alone` must call its prompt by a prompt's name.
    """
    named = [(_name(key), value) for key, value in item.pairs]
    lists = {
        key: lines
        for key, value in named
        if key not in ASIDE and isinstance(value, list | Fields) and (lines := _lines(value))
    }
    if wanted := [lines for key, lines in lists.items() if key in LIST_KEYS]:
        return wanted[-1]
    texts = [
        (key, line) for key, value in named if isinstance(value, str) and (line := value.strip())
    ]
    for wanted_key in PROMPT_KEYS:
        if of_key := [line for key, line in texts if key == wanted_key]:
            return of_key
    if item.pairs and all(re.search(r"\d\s*$", key) for key, _ in item.pairs):
        return [line for _, value in item.pairs if (line := _line(value))]
    if len(lists) == 1:
        return next(iter(lists.values()))
    line = "" if alone else _prompt_of(item)
    return [line] if line else []


def _name(key: str) -> str:
    """A key without its number, in lower case: "prompt" of "Prompt 12"."""
    return re.sub(r"[\s-]+", "_", re.sub(r"^[\W\d_]+|[\W\d_]+$", "", key.lower()))
