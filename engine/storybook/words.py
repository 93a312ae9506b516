"""The words of Storybook English."""

from collections.abc import Sequence

from engine.storybook.shapes import BACKGROUNDS, COLOURS, KINDS, PLURALS, STYLES

NUMBERS = ("one", "two", "three", "four", "five", "six")
COUNTS: dict[str, int] = {}
"""A number by its word, and by its digit."""
for _number, _word in enumerate(NUMBERS, 1):
    COUNTS[_word] = _number
    COUNTS[str(_number)] = _number
NOUNS = dict(zip(KINDS, KINDS, strict=True))
"""The kind that a singular or a plural names."""
for _kind, _plural in PLURALS.items():
    NOUNS[_plural] = _kind
SETTINGS = {
    "beach": "at the beach",
    "sky": "in the sky",
    "grass": "on the grass",
    "night": "at night",
}
PLACES = {"left": "left of", "right": "right of", "above": "above", "below": "below"}
SYNONYMS = {
    "over": "above",
    "under": "below",
    "outlined": "outline",
    "drawing": "picture",
    "painting": "picture",
    "are": "is",
    "an": "a",
    "it": "scene",
}
FUNCTION_WORDS = "a the and is there of to left right at in on picture scene".split()
ALL_WORDS = {*NOUNS, *COLOURS, *COUNTS, *STYLES, *BACKGROUNDS, *FUNCTION_WORDS}
ALL_WORDS |= set(SYNONYMS) | set(SYNONYMS.values())


def noun(kind: str, count: int) -> str:
    return kind if count == 1 else PLURALS[kind]


def article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"


def join_names(names: Sequence[str]) -> str:
    """ "a ball", "a ball and a star", "a ball, a star and a moon"."""
    if len(names) == 1:
        return names[0]
    first = ", ".join(names[:-1])
    return f"{first} and {names[-1]}"
