"""Ballots show each pair once a voter, both ways round, and tell nothing."""
import time
from collections import Counter
from dataclasses import fields

import pytest
from PIL import Image

from engine.votes import ballots, pairs
from engine.votes.ballots import LEAST_LOOK_SECONDS, EarlyVote
from engine.votes.ledger import Ledger, RefusedVote
from engine.votes.schema import CHOICES
from tests.votes.painted import paint_run


@pytest.fixture
def store(tmp_path):
    return paint_run(tmp_path / "run")


@pytest.fixture
def ledger(tmp_path):
    ledger = Ledger(f"sqlite:///{tmp_path}/votes.db")
    yield ledger
    ledger.close()


def painter_of(path):
    return {(255, 0, 0): "base", (0, 128, 0): "merged"}[Image.open(path).getpixel((0, 0))]


def test_every_pair_once_and_then_none(store, ledger):
    run_pairs, voter = pairs.all_pairs(store), "v"
    seen = []
    while ballot := ballots.next_ballot(ledger, run_pairs, voter):
        assert (ballot.number, ballot.total) == (len(seen) + 1, 4)
        seen.append(ballot.prompt)
        ledger.cast(ballot.id, "tie")
    assert sorted(seen) == [f"prompt {n}" for n in range(4)]


def test_a_reload_shows_the_open_ballot_again(store, ledger):
    run_pairs, voter = pairs.all_pairs(store), "v"
    assert ballots.next_ballot(ledger, run_pairs, voter) == ballots.next_ballot(ledger, run_pairs, voter)


def test_the_vote_goes_to_the_model_whose_picture_was_on_that_side(store, ledger):
    run_pairs = pairs.all_pairs(store)
    for voter in map(str, range(6)):
        while ballot := ballots.next_ballot(ledger, run_pairs, voter):
            vote = ledger.cast(ballot.id, "left")
            assert (vote.left_model, vote.right_model) == (painter_of(ballot.left), painter_of(ballot.right))


def test_both_ways_round_equally_often(store, ledger):
    run_pairs = pairs.all_pairs(store)
    for voter in map(str, range(6)):
        while ballot := ballots.next_ballot(ledger, run_pairs, voter):
            ledger.cast(ballot.id, "tie")
    assert Counter(row["ballots"] for row in ledger.side_counts()) == {3: 8}


def test_the_pair_with_the_fewest_votes_comes_first(store, ledger):
    run_pairs = pairs.all_pairs(store)
    for voter in map(str, range(8)):
        ballot = ballots.next_ballot(ledger, run_pairs, voter)
        ledger.cast(ballot.id, "tie")
    assert Counter(vote.prompt for vote in ledger.votes()) == {f"prompt {n}": 2 for n in range(4)}


def test_a_ballot_names_no_model(store, ledger):
    ballot = ballots.next_ballot(ledger, pairs.all_pairs(store), "v")
    assert {f.name for f in fields(ballot)} == {"id", "prompt", "left", "right", "number", "total"}
    again = ballots.next_ballot(ledger, pairs.all_pairs(store), "w")
    assert len(ballot.id) >= 20 and ballot.id != again.id and "base" not in ballot.id


@pytest.mark.parametrize("choice", CHOICES)
def test_every_choice_is_kept(store, ledger, choice):
    ballot = ballots.next_ballot(ledger, pairs.all_pairs(store), "v")
    ledger.cast(ballot.id, choice)
    kept, = ledger.votes()
    assert kept.choice == choice and kept.prompt == ballot.prompt and kept.left_seed == kept.right_seed == 7
    assert kept.cast_at.endswith("+00:00")


def test_a_vote_counts_for_its_own_ballot_and_its_own_voter(store, ledger):
    run_pairs = pairs.all_pairs(store)
    ours, theirs = (ballots.next_ballot(ledger, run_pairs, voter) for voter in ("v", "w"))
    time.sleep(LEAST_LOOK_SECONDS)
    with pytest.raises(RefusedVote, match="somebody else"):
        ballots.cast(ledger, theirs.id, "left", "v", 9.0)
    ballots.cast(ledger, ours.id, "left", "v", 9.0)
    assert [(vote.ballot, vote.voter) for vote in ledger.votes()] == [(ours.id, "v")]


@pytest.mark.parametrize("looked", [0.0, LEAST_LOOK_SECONDS - 0.01, -1.0, float("nan")])
def test_a_vote_before_the_pair_was_looked_at_is_none(store, ledger, looked):
    ballot = ballots.next_ballot(ledger, pairs.all_pairs(store), "v")
    time.sleep(LEAST_LOOK_SECONDS)
    with pytest.raises(EarlyVote):
        ballots.cast(ledger, ballot.id, "left", "v", looked)
    assert ledger.votes() == []


def test_no_word_of_the_page_makes_a_vote_older_than_its_ballot(store, ledger):
    ballot = ballots.next_ballot(ledger, pairs.all_pairs(store), "v")
    with pytest.raises(EarlyVote):
        ballots.cast(ledger, ballot.id, "left", "v", 1e9)
    assert ledger.votes() == []
