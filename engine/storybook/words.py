"""The words of Storybook English."""

from engine.storybook.shapes import BACKGROUNDS, COLOURS, KINDS, PLURALS, STYLES

NUMBERS = ("one", "two", "three", "four", "five", "six")
COUNTS = {word: n for n, word in enumerate(NUMBERS, 1)} | {str(n): n for n in range(1, 7)}
NOUNS = {k: k for k in KINDS} | {plural: k for k, plural in PLURALS.items()}
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
KNOWN = {
    *KINDS,
    *PLURALS.values(),
    *COLOURS,
    *COUNTS,
    *STYLES,
    *BACKGROUNDS,
    *SYNONYMS,
    *SYNONYMS.values(),
    *"a the and is there of to left right at in on picture scene".split(),
}


def noun(kind: str, count: int) -> str:
    return kind if count == 1 else PLURALS[kind]


def article(word: str) -> str:
    return "an" if word[0] in "aeiou" else "a"
