"""Worked numbers: two rules, macro and micro, what counts and what does not."""
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.evidence import Answer, Evidence, SeenScene
from engine.core.types import Score
from engine.evaluate import summary


def score(prompt, answers, skill="counting", seed=0, **evidence):
    """`answers`: (yes, parents, category) a question, ids from 1."""
    asked = tuple(Answer(n, category, "", parents, yes) for n, (yes, parents, category) in enumerate(answers, 1))
    return Score(prompt, seed, "storybook", 0.123, Evidence(questions=asked, skill=skill, **evidence))


CHAIN = [(False, (), "entity"), (True, (1,), "attribute"), (True, (2,), "count")]
"""A no whose grandchild says yes: one level leaves 1 of 3, cascading 0 of 3."""
SINGLE = [(True, (), "entity")]


def test_the_two_rules_on_worked_answers():
    found = summary.summarise([score("a", CHAIN), score("b", SINGLE), score("c", SINGLE, "styles")])
    assert found.by_skill == pytest.approx({"counting": (1 / 3 + 1) / 2, "styles": 1.0})
    assert found.macro == pytest.approx((2 / 3 + 1) / 2)
    assert found.selma_by_skill == pytest.approx({"counting": 1 / 4, "styles": 1.0})
    assert found.selma == pytest.approx(2 / 5)
    assert found.by_category == pytest.approx({"entity": 2 / 3, "attribute": 0.0, "count": 1.0})


def test_pictures_of_a_prompt_are_averaged_before_prompts_are():
    scores = [score("a", SINGLE, seed=1), score("a", [(False, (), "entity")], seed=2), score("b", SINGLE)]
    assert summary.per_prompt(scores) == {"counting": {"a": 0.5, "b": 1.0}}
    assert summary.macro(summary.per_prompt(scores)) == pytest.approx(0.75)


def test_unscored_texts_are_counted_apart_and_misses_are_not():
    unscored = Score("x", 0, "storybook", None, Evidence(skill="counting", unscored="no word 'dog'"))
    miss = score("m", [(False, (), "entity")], exact=False, seen=SeenScene((), None, None, ("no background",)))
    hit = score("h", SINGLE, exact=True, seen=SeenScene((), None, None, ()))
    found = summary.summarise([unscored, miss, hit])
    assert (found.pictures, found.unscored) == (3, 1)
    assert found.macro == 0.5 and found.exact == 0.5 and found.flagged == 0.5
    assert found.exact_by_skill == {"counting": 0.5}


def test_a_judge_without_questions_is_averaged_by_its_value():
    scores = [Score(prompt, 0, "clipscore", value, Evidence(skill="s")) for prompt, value in (("a", 0.2), ("b", 0.4))]
    found = summary.summarise(scores)
    assert found.macro == pytest.approx(0.3)
    assert found.selma is None and found.exact is None and found.flagged is None and found.by_category == {}


@pytest.mark.parametrize("scores", [[], [Score("x", 0, "storybook", None, Evidence(skill="s"))]])
def test_nothing_scored_is_no_number(scores):
    found = summary.summarise(scores)
    assert found.macro is None and found.selma is None and found.exact is None and found.by_skill == {}
    assert found.unscored == len(scores)


PARENTS = st.lists(st.integers(0, 9), max_size=3)
ANSWERS = st.lists(st.tuples(st.booleans(), PARENTS, st.sampled_from(["entity", "count"])), min_size=1, max_size=8)


@given(st.lists(ANSWERS, min_size=1, max_size=5))
def test_every_number_is_a_share_even_with_cycles_and_missing_parents(prompts):
    found = summary.summarise([score(f"p{n}", answers) for n, answers in enumerate(prompts)])
    assert 0 <= found.selma <= 1 and 0 <= found.macro <= 1
    assert all(0 <= value <= 1 for value in found.by_category.values())
    raw = sum(sum(yes for yes, *_ in answers) / len(answers) for answers in prompts) / len(prompts)
    assert found.macro <= raw + 1e-9
