"""Which JSON of an answer is its list of prompts: the last one of the right shape, and of its
objects the right field.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.prompts.answers.json_reader import BrokenJson, Fields, read

PROMPT_KEYS = tuple(
    (
        "prompt image_prompt text_prompt new_prompt positive_prompt text caption description scene "
        "sentence content line value"
    ).split()
)
"""Under which an object keeps its prompt, the likeliest first."""
LIST_KEYS = frozenset(
    (
        "prompts image_prompts text_prompts new_prompts captions texts descriptions scenes "
        "sentences lines items list results data answer output response"
    ).split()
)
ASIDE = frozenset(
    (
        "rationale rationales reasoning reason explanation thought thoughts thinking analysis "
        "note notes comment comments justification why rules constraints examples error message "
        "title id index number no skill category type tag tags keywords"
    ).split()
)
"""What stands beside prompts and is none."""
MOST_STARTS = 1000
"""How many brackets are tried, so that an answer of brackets alone takes no minutes."""

_BRACKET = re.compile(r"[\[{]")
_KEY = re.compile(r"[\"']([\w -]{1,40})[\"']\s{0,9}:\s{0,9}\Z")
_LEADS_IN = re.compile(r"[^\W\d_]*(?:.*[:=])?[\W\d_]*")
"""What may stand before a list in its line: a word ("json"), or anything that ends in a colon."""
_NUMBERED_KEY = re.compile(r"\d\s*$")
_BETWEEN = re.compile(r"[\s,;]*(?:\(?\d{1,3}[.):]\s*|[-*\u2022]\s*)?")
"""What stands between objects of which each is a prompt: nothing, a comma, or a number of their
own.
"""


@dataclass(frozen=True)
class _Candidate:
    """Lines that some JSON of the answer holds, and where it stands."""

    lines: list[str]
    start: int
    end: int
    is_alone: bool
    """Whether it holds the line by itself, and is no bracket in a sentence."""
    is_single: bool
    """Whether it is one prompt, of which several may follow each other."""


def lines_of(text: str) -> list[str]:
    """The texts of the last list of prompts in `text`, whole or cut short; none where there is no
    such list.
    """
    candidates = _candidates(text)
    alone = [candidate for candidate in candidates if candidate.is_alone]
    return _last(text, alone or candidates)


def _candidates(text: str) -> list[_Candidate]:
    """Every list or object of the text that holds lines, in order."""
    found: list[_Candidate] = []
    at = 0
    for _ in range(MOST_STARTS):
        bracket = _BRACKET.search(text, at)
        if not bracket:
            break
        start = bracket.start()
        try:
            value, end, cut = read(text, start)
        except BrokenJson as broken:
            at = max(broken.at, start + 1)
            continue
        lines, is_alone = _lines(value), _is_alone(text, start, end)
        # a bracket in a sentence may run to the end and hold nothing: the list stands behind it
        is_in_sentence = cut and not lines and not is_alone
        at = start + 1 if is_in_sentence else end
        if lines and _may_hold_prompts(text, start):
            is_single = isinstance(value, Fields) or len(value) == 1
            found.append(_Candidate(lines, start, end, is_alone, is_single))
    return found


def _last(text: str, candidates: list[_Candidate]) -> list[str]:
    """The last list, or all of the last objects that follow each other."""
    if not candidates:
        return []
    last = candidates[-1]
    lines = last.lines
    for before in reversed(candidates[:-1]):
        if not _follows(text, before, last):
            break
        lines = before.lines + lines
        last = before
    return lines


def _follows(text: str, before: _Candidate, after: _Candidate) -> bool:
    """Whether two prompts stand side by side, with no other text between them."""
    if not (before.is_single and after.is_single):
        return False
    return _BETWEEN.fullmatch(text, before.end, after.start) is not None


def _may_hold_prompts(text: str, start: int) -> bool:
    """False for what stands under another key in an object that makes no sense as a whole."""
    key = _KEY.search(text, max(0, start - 60), start)
    return not key or _name(key[1]) in LIST_KEYS


def _is_alone(text: str, start: int, end: int) -> bool:
    before = text[text.rfind("\n", 0, start) + 1 : start]
    after = text[end:].split("\n", 1)[0]
    has_word_after = re.search(r"[^\W\d_]", after)
    return bool(_LEADS_IN.fullmatch(before)) and not has_word_after


def _lines(value: Any) -> list[str]:
    if isinstance(value, list):
        return _of_list(value)
    return _of_object(value) if isinstance(value, Fields) else []


def _of_list(items: list[Any]) -> list[str]:
    """Every item's text, if no fewer items have one than have none (the last may be cut short)."""
    if len(items) == 1 and isinstance(items[0], Fields):
        return _of_object(items[0], is_alone=False)
    lines: list[str] = []
    strange = 0
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
    return _only_text(item) if isinstance(item, list) else ""


def _only_text(values: Sequence[Any]) -> str:
    """The one text among values of other kinds; "" where there is none or more than one."""
    texts = [value for value in values if isinstance(value, str)]
    return texts[0].strip() if len(texts) == 1 else ""


def _prompt_of(item: Fields) -> str:
    """What stands under a prompt's name, else the only text that is not known for something else;
    else "".
    """
    named: dict[str, Any] = {}
    for key, value in item.pairs:
        named[_name(key)] = value
    for prompt_key in PROMPT_KEYS:
        value = named.get(prompt_key, [])
        if isinstance(value, list):
            continue
        if line := _line(value):
            return line
    return _only_text([value for key, value in named.items() if key not in ASIDE])


def _of_object(item: Fields, is_alone: bool = True) -> list[str]:
    """The list in an object, its one prompt, or the prompts under numbered keys.

    An object that stands alone must call its prompt by a prompt's name.
    """
    lists = _lists_in(item)
    under_known_keys = [lines for key, lines in lists.items() if key in LIST_KEYS]
    if under_known_keys:
        return under_known_keys[-1]
    if prompts := _under_one_key(item):
        return prompts
    if item.pairs and all(_NUMBERED_KEY.search(key) for key, _ in item.pairs):
        return list(filter(None, [_line(value) for _, value in item.pairs]))
    if len(lists) == 1:
        return list(lists.values())[0]
    line = "" if is_alone else _prompt_of(item)
    return [line] if line else []


def _lists_in(item: Fields) -> dict[str, list[str]]:
    """What is in the lists and objects of an object, by key."""
    lists: dict[str, list[str]] = {}
    for key, value in item.pairs:
        name = _name(key)
        if name in ASIDE or not isinstance(value, list | Fields):
            continue
        if lines := _lines(value):
            lists[name] = lines
    return lists


def _under_one_key(item: Fields) -> list[str]:
    """The texts under the likeliest of the keys that an object calls its prompts by."""
    texts: dict[str, list[str]] = {}
    for key, value in item.pairs:
        if isinstance(value, str) and value.strip():
            texts.setdefault(_name(key), []).append(value.strip())
    for prompt_key in PROMPT_KEYS:
        if prompt_key in texts:
            return texts[prompt_key]
    return []


def _name(key: str) -> str:
    """A key without its number, in lower case: "prompt" of "Prompt 12"."""
    without_number = re.sub(r"^[\W\d_]+|[\W\d_]+$", "", key.lower())
    return re.sub(r"[\s-]+", "_", without_number)
