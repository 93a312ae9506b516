"""What a line must be before the novelty filter sees it: clean, of its skill, and no evaluation
prompt in disguise.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Literal, NamedTuple

from engine.prompts.skills import Skill

MOST_CHARACTERS = 400
Language = Literal["storybook", "free"]
"""Storybook texts are read and held to the skill's rules; free ones only to its limits of words and
numbers.
"""

_NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen "
    "seventeen eighteen nineteen twenty"
).split()
_NAMED = {word: number for number, word in enumerate(_NUMBERS)} | {
    "dozen": 12,
    "hundred": 100,
    "thousand": 1000,
}


class Refusal(NamedTuple):
    """Why a line is refused, "kind: detail", and the nearest text that would not be, where there is
    one.
    """

    reason: str
    nearest: str = ""


EVALUATION = Refusal("evaluation: an evaluation prompt asks for the same picture")


def clean(line: str) -> str:
    """One line in Unicode's NFKC, without control, format and unassigned characters, single spaces."""
    text = unicodedata.normalize("NFKC", " ".join(line.split()))
    kept = (c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join("".join(kept).split())


def checker(skill: Skill, language: Language) -> Callable[[str], Refusal | None]:
    """A function from a clean line to why it is refused, or None. Raises EngineError for rules that
    make no sense.
    """
    in_storybook = _storybook_checker(skill) if language == "storybook" else _is_evaluation_prompt

    def check(text: str) -> Refusal | None:
        return _out_of_limits(text, skill) or in_storybook(text)

    return check


def _out_of_limits(text: str, skill: Skill) -> Refusal | None:
    words = len(text.split())
    if not text:
        return Refusal("empty")
    if len(text) > MOST_CHARACTERS:
        return Refusal(f"too long: {len(text)} characters, not {MOST_CHARACTERS}")
    if not skill.least_words <= words <= skill.most_words:
        return Refusal(f"word limit: {words} words, not {skill.least_words} to {skill.most_words}")
    largest = max(map(_number, re.findall(r"\w+", text.lower())), default=0)
    if skill.most_count and largest > skill.most_count:
        return Refusal(f"count limit: {largest}, not at most {skill.most_count}")
    return None


def _number(word: str) -> int:
    return int(word) if word.isdecimal() else _NAMED.get(word, 0)


def _storybook_checker(skill: Skill) -> Callable[[str], Refusal | None]:
    from engine.storybook.evaluation import frozen_keys
    from engine.storybook.language import Unreadable, parse
    from engine.storybook.rules import breaks, from_table

    rules, frozen = from_table(skill.rules, f"the rules of skill {skill.name!r}"), frozen_keys()

    def check(text: str) -> Refusal | None:
        try:
            graph = parse(text)
        except Unreadable as error:
            return Refusal(f"unreadable: {error.reason}", error.nearest)
        if fault := breaks(graph, rules):
            return Refusal(f"off skill: {fault}")
        return EVALUATION if graph.key() in frozen else None

    return check


def _is_evaluation_prompt(text: str) -> Refusal | None:
    """A free text may be one of Storybook's, too."""
    from engine.storybook.evaluation import frozen_keys
    from engine.storybook.language import Unreadable, parse

    try:
        return EVALUATION if parse(text).key() in frozen_keys() else None
    except Unreadable:
        return None
