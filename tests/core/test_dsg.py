"""Two rules for dependent questions, on examples worked by hand."""
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.dsg import AnsweredQuestion, cascading, one_level, selma_score


def asked(*rows: tuple[str, bool, tuple[str, ...]]) -> list[AnsweredQuestion]:
    return [AnsweredQuestion(*row) for row in rows]


CHAIN = asked(("1", False, ()), ("2", True, ("1",)), ("3", True, ("2",)))
"""A dog (no); the dog is brown (yes); the brown dog is left of a tree (yes)."""


def test_the_reference_looks_one_level_up_at_raw_answers() -> None:
    assert one_level(CHAIN) == [0.0, 0.0, 1.0]


def test_selma_lets_a_no_travel_down() -> None:
    assert cascading(CHAIN) == [0.0, 0.0, 0.0]


def test_a_cascade_reaches_only_what_stands_later_in_the_list() -> None:
    assert cascading(CHAIN[::-1]) == [1.0, 0.0, 0.0]
    assert one_level(CHAIN[::-1]) == [1.0, 0.0, 0.0]


def test_one_no_among_several_parents_is_enough() -> None:
    answered = asked(("1", True, ()), ("2", False, ()), ("3", True, ("1", "2")), ("4", True, ("1",)))
    assert one_level(answered) == cascading(answered) == [1.0, 0.0, 0.0, 1.0]


def test_missing_parents_and_self_references_are_ignored() -> None:
    answered = asked(("1", True, ("7",)), ("2", True, ("2",)), ("3", False, ("3", "0")))
    assert one_level(answered) == cascading(answered) == [1.0, 1.0, 0.0]


def test_cycles_end() -> None:
    yes = asked(("1", True, ("2",)), ("2", True, ("1",)))
    assert one_level(yes) == cascading(yes) == [1.0, 1.0]
    half = asked(("1", True, ("2",)), ("2", False, ("1",)), ("3", True, ("1",)))
    assert one_level(half) == [0.0, 0.0, 1.0]
    assert cascading(half) == [0.0, 0.0, 0.0]


def test_ids_are_any_strings() -> None:
    answered = asked(("5, right", False, ()), ("Q 6", True, ("5, right",)), ("", True, ("Q 6",)))
    assert one_level(answered) == [0.0, 0.0, 1.0]
    assert cascading(answered) == [0.0, 0.0, 0.0]


def test_both_rules_over_several_prompts_by_hand() -> None:
    prompts = [CHAIN, asked(("1", True, ()))]
    assert [sum(one_level(prompt)) / len(prompt) for prompt in prompts] == pytest.approx([1 / 3, 1])
    assert selma_score(prompts) == pytest.approx((0 + 0 + 0 + 1) / 4)


def test_prompts_without_questions_do_not_count() -> None:
    assert one_level([]) == []
    assert selma_score([[], asked(("1", True, ()))]) == 1.0


@given(st.lists(st.tuples(st.integers(0, 8).map(str), st.booleans(),
                          st.lists(st.integers(0, 8).map(str), max_size=3).map(tuple)),
                min_size=1, max_size=9, unique_by=lambda row: row[0]))
def test_neither_rule_adds_a_yes_and_cascading_is_the_stricter(rows: list[tuple[str, bool, tuple[str, ...]]]) -> None:
    answered = asked(*rows)
    for raw, one, all_the_way in zip(answered, one_level(answered), cascading(answered), strict=True):
        assert all_the_way <= one <= float(raw.yes)
    assert one_level(answered[::-1])[::-1] == one_level(answered)
