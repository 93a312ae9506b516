"""The sentence that is offered instead keeps what it can of the text."""
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.storybook.language import parse
from engine.storybook.shapes import BACKGROUNDS, COLOURS, STYLES
from engine.storybook.suggestions import TRANSLATIONS, nearest
from engine.storybook.words import ALL_WORDS, COUNTS, NOUNS, PLACES

OFFERED: dict[str, str] = {
    # bare nouns and plurals
    "red ball": "a red ball",
    "red balls": "two red balls",
    "a moon and stars at night": "a moon and two stars at night",
    # numbers the language does not have
    "many stars": "six stars",
    "ten blue fish": "six blue fish",
    "a couple of hearts": "two hearts",
    "two red balls and three red balls": "five red balls",
    "a red ball, a blue ball, a green ball, a yellow ball, a pink ball, a purple ball, a brown ball":
        "a red ball, a blue ball, a green ball, a yellow ball, a pink ball and a purple ball",
    # words it does not know, and words near the ones it does
    "two cats and a red ball": "a red ball",
    "a blue moon over the sea": "a blue moon at the beach",
    "a big green tree next to a house": "a green tree left of a house",
    "a crimson heart on the left of a golden star": "a red heart left of a yellow star",
    "an outlined drawing of a golden star": "an outline painting of a yellow star",
    "a photo of a red circle": "a red ball",
    "purple hous on the gras": "a purple house on the grass",
    "A Yellow Moon, A Red House!": "a yellow moon and a red house",
    "in the night sky, a yellow moon": "a yellow moon at night",
    "a house without a tree": "a house",
    "a pink elephant": "a pink ball",
    # sentences about what was said
    "the ball is red": "a red ball",
    "the moon is yellow and the tree is green": "a yellow moon and a green tree",
    "a house. the house is brown. it is left of a tree": "a brown house left of a tree",
    "left of the ball is a star": "a star left of a ball",
    "a red ball on top of a blue house": "a red ball above a blue house",
    "a tiny boat floating on the lake under a full moon": "a boat below a moon at the beach",
    # what cannot be drawn
    "a ball and a red ball": "an orange ball and a red ball",
    "a red ball left of a red ball": "a red ball left of an orange ball",
    "two balls left of a tree": "two balls and a tree",
    "a ball left of a star. the ball is right of the star": "a ball left of a star",
    # nothing to keep
    "a dog on a skateboard": "a red ball",
    "a dog on the beach": "a red ball at the beach",
    "": "a red ball",
    "красный мяч": "a red ball",
}


@pytest.mark.parametrize("text", OFFERED, ids=lambda t: t[:40] or "empty")
def test_worked_suggestions(text: str) -> None:
    assert nearest(text)[0] == OFFERED[text]
    parse(OFFERED[text])


def test_the_words_it_knows_are_named_once_in_order_without_function_words() -> None:
    assert nearest("the dog and two red red balls on the grass")[1] == ("two", "red", "balls", "grass")
    assert nearest("a dog on a skateboard")[1] == ()


def test_every_other_meaning_leads_to_a_word_of_the_language() -> None:
    said = set(NOUNS) | set(COLOURS) | set(BACKGROUNDS) | set(STYLES) | set(PLACES) | set(COUNTS) | {"no"}
    assert set(TRANSLATIONS.values()) <= said
    assert not set(TRANSLATIONS) & ALL_WORDS


@given(st.lists(st.sampled_from(sorted(ALL_WORDS | set(TRANSLATIONS) | {"dog", "no", ".", "9"})), max_size=30)
       .map(" ".join))
def test_any_suggestion_is_read_and_none_is_left_out_of_bounds(text: str) -> None:
    graph = parse(nearest(text)[0])
    assert 1 <= graph.count() <= 6 and graph.fault() is None


def test_a_long_text_is_answered_quickly() -> None:
    started = time.process_time()
    nearest(" ".join(f"unknown{n}" for n in range(100)))
    assert time.process_time() - started < 2
