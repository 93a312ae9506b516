"""What a line must be before the novelty filter sees it: clean, of its skill, and no evaluation
prompt in disguise.
"""

import re
import unicodedata
from functools import cache

from engine import worlds
from engine.prompts.novelty import words_of
from engine.prompts.skills import Skill
from engine.worlds import EVALUATION, Check, Refusal

MOST_CHARACTERS = 400
_SMALL_NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen twenty"
)
_NUMBERS = {word: number for number, word in enumerate(_SMALL_NUMBERS.split())}
_NUMBERS |= {"dozen": 12, "hundred": 100, "thousand": 1000}


def clean(line: str) -> str:
    """One line in Unicode's NFKC with single spaces, without control, format and unassigned
    characters.
    """
    text = unicodedata.normalize("NFKC", " ".join(line.split()))
    visible = (c for c in text if c.isspace() or unicodedata.category(c)[0] != "C")
    return " ".join("".join(visible).split())


def checker(skill: Skill, language: str) -> Check:
    """A function from a clean line to why it is refused, or None. Raises EngineError for rules that
    make no sense.
    """
    world = worlds.world_of_language(language)
    world_check = world.line_check(skill.rules, f"the rules of skill {skill.name!r}")

    def check(text: str) -> Refusal | None:
        return _out_of_limits(text, skill) or world_check(text) or _evaluated(text)

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
    return int(word) if word.isdecimal() else _NUMBERS.get(word, 0)


def _evaluated(text: str) -> Refusal | None:
    """In whatever language, a line repeats no evaluation prompt of any world word for word."""
    return EVALUATION if tuple(words_of(text)) in _evaluation_words() else None


@cache
def _evaluation_words() -> frozenset[tuple[str, ...]]:
    found = set[tuple[str, ...]]()
    for name in worlds.names():
        for text in worlds.load(name).evaluation_texts():
            found.add(tuple(words_of(text)))
    return frozenset(found)
