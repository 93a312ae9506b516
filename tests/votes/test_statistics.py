"""Win rates on numbers one can check by hand, and Wilson's interval against another implementation."""
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from engine.votes.ledger import Vote
from engine.votes.schema import CHOICES
from engine.votes.statistics import Duel, duels, wilson


def vote(choice, left="base", right="merged"):
    return Vote("b", "v", "pair", choice, "p", "a ball", left, right, 1, 1, "2026-01-01")


def test_a_tie_is_half_a_win_and_both_bad_is_none():
    duel, = duels([vote("right"), vote("right"), vote("left"), vote("tie"), vote("both bad"),
                   vote("left", "merged", "base")])
    assert duel == Duel("merged", "base", wins=3, losses=1, ties=1, both_bad=1)
    assert duel.votes == 5 and duel.win_rate == pytest.approx(3.5 / 5)


def test_three_models_make_three_duels_with_the_base_as_rival():
    found = duels([vote("left", "a", "base"), vote("left", "base", "z"), vote("tie", "z", "a")])
    assert [(d.model, d.rival) for d in found] == [("a", "base"), ("a", "z"), ("z", "base")]


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_scipys(counts):
    wins, votes = counts
    low, high = binomtest(wins, votes).proportion_ci(0.95, "wilson")
    assert wilson(wins, votes) == pytest.approx((low, high), abs=1e-12)


def test_wilson_on_a_published_example():
    """Newcombe (1998), table I: 81 of 263 gives 0.2553 to 0.3662."""
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)


def test_without_votes_nothing_is_known():
    empty = Duel("merged", "base", 0, 0, 0, both_bad=3)
    assert empty.win_rate is None and empty.interval == (0.0, 1.0)


@given(st.lists(st.sampled_from(CHOICES)))
def test_swapping_every_side_changes_nothing(choices):
    turned = {"left": "right", "right": "left"}
    one = duels([vote(c) for c in choices])
    other = duels([vote(turned.get(c, c), "merged", "base") for c in choices])
    assert one == other
    assert all(d.interval[0] <= d.win_rate <= d.interval[1] for d in one if d.votes)
