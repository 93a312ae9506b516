"""The voting page: blind, and a vote is for the pair that was on the page and looked at."""
import re
import shutil

import pytest
from PIL import Image

from engine import runs
from engine.core.errors import EngineError
from engine.runs import voting
from engine.votes import ballots
from engine.votes.schema import CHOICES
from tests.app.visitor import DUEL, button_of, cast, pair_count


@pytest.fixture(autouse=True)
def at_once(no_patience):
    """Votes count without a look."""


@pytest.fixture
def results(studio):
    """What people prefer so far, as it is unfolded."""
    def unfold(run="example", duel=DUEL):
        return studio.press("vote-results", {"run": run, "vote-duel": duel}, "expand")
    return unfold


def test_the_merge_against_the_base_is_asked_first(studio):
    choice = studio.draw("vote", "example")["vote-duel"]
    assert choice["choices"] == [DUEL, "counting@3.5 and base@3.5", voting.ALL_MODELS]
    assert choice["value"] == DUEL and choice["visible"]


def test_the_page_names_nobody(newcomer):
    visitor = newcomer(voting.ALL_MODELS).opens()
    buttons = "".join(str(visitor.page[button_of(choice)]) for choice in CHOICES)
    html = visitor.pair + visitor.note + buttons
    told = re.sub(r"base64,[^\"]+", "", html)
    assert not re.search(r"merged|base|counting@|\.png|/", told.replace("</", "").replace("data:image/png;", ""))
    assert visitor.pair.count("<img") == 2 and visitor.token not in html
    left, right = re.findall(r'<img class="([^"]+)"', visitor.pair)
    assert left == right


@pytest.mark.parametrize("choice", CHOICES)
def test_a_vote_is_counted_and_the_next_pair_comes(visitor, choice):
    first, pair = visitor.sight, visitor.pair
    visitor.votes(choice)
    counted, = cast()
    assert (counted.choice, counted.ballot) == (choice, first["ballot"]) and counted.prompt in pair
    assert visitor.sight["ballot"] != first["ballot"] and visitor.number == 2


def test_the_vote_is_for_the_pair_on_the_page_whatever_was_drawn_since(visitor, newcomer):
    """Another drawing of the same page may have overtaken it, or the page may be an old one."""
    old_pair, old_ballot = visitor.pair, visitor.sight["ballot"]
    elsewhere = newcomer(voting.ALL_MODELS)
    elsewhere.token = visitor.token
    elsewhere.opens()
    assert f'data-ballot="{old_ballot}"' in old_pair
    visitor.votes("left")
    counted, = cast()
    assert counted.ballot == old_ballot and counted.prompt in old_pair


def test_the_run_goes_with_the_ballot(runs_folder, visitor):
    """The choice of runs is changed, and the pair of the run before is still on the page."""
    shutil.copytree(runs.folder("example"), runs_folder / "other")
    visitor.run = "other"
    visitor.votes("right")
    assert len(cast()) == 1 and cast("other") == [] and visitor.sight["run"] == "other"


def test_a_press_before_the_pair_was_seen_is_not_meant_for_it(visitor, monkeypatch):
    monkeypatch.setattr(ballots, "LEAST_LOOK_SECONDS", 0.3)
    before = visitor.pair
    for looked in (0.0, 0.29, None, "9", float("nan"), [9.0]):
        visitor.votes("left", looked)
        assert cast() == [] and visitor.pair == before
        assert "Look, and then vote" in visitor.note
    monkeypatch.setattr(ballots, "LEAST_LOOK_SECONDS", 0.0)
    visitor.votes("left")
    assert len(cast()) == 1 and "Look" not in visitor.note


def test_a_stale_page_cannot_vote_twice(visitor, newcomer):
    stale = newcomer()
    stale.page, stale.token = dict(visitor.page), visitor.token
    visitor.votes("left")
    stale.votes("right")
    assert [v.choice for v in cast()] == ["left"] and stale.sight == visitor.sight
    assert "the first one counts" in stale.note


def test_after_the_last_pair_there_is_nothing_to_press(visitor):
    for _ in range(pair_count()):
        visitor.votes("tie")
    assert "That was the last pair" in visitor.pair
    assert not visitor.may_press
    assert len(cast()) == pair_count() > 3
    visitor.votes("tie")
    assert len(cast()) == pair_count()


def test_results_come_with_their_interval(visitor, results):
    before = results()
    assert "No votes yet" in before["vote-table"] and not before["vote-plot"]["visible"]
    for _ in range(4):
        visitor.votes("left")
    after = results()
    assert "merged@2 over base@3.5" in after["vote-table"] and " to " in after["vote-table"]
    assert after["vote-plot"]["visible"]


def test_a_run_without_pictures_says_what_to_do_and_gets_no_file(runs_folder, newcomer, results):
    visitor = newcomer(duel=None, run=runs.NEW).opens()
    assert "Nothing to compare yet" in visitor.pair and not visitor.may_press
    assert "No votes yet" in results(runs.NEW, None)["vote-table"]
    assert not runs_folder.exists()


def test_nothing_moves_while_the_pair_in_sight_is_the_next(studio, visitor):
    again = studio.draw("vote", "example", visitor.sends())
    assert list(again) == ["vote-duel"], "results stay open, pictures stay"
    pair = visitor.pair
    visitor.votes("tie")
    assert studio.draw("vote", "example", {**visitor.sends(), "vote-sight": {}})["vote-pair"] != pair


def test_votes_count_for_the_pictures_they_were_cast_on(runs_folder, monkeypatch, newcomer, results):
    """One database for all runs: another run's pictures, and those painted anew, are other pairs."""
    monkeypatch.setenv("SELMA_VOTES", f"sqlite:///{runs_folder}/all.db")
    for name in ("one", "two"):
        shutil.copytree(runs.folder("example"), runs_folder / name)
    for file in (runs_folder / "two/scores/merged@2/pictures").glob("*.png"):
        Image.open(file).rotate(180).save(file)
    visitor = newcomer(run="one").opens().votes("left")
    assert "merged@2 over base@3.5" in results("one")["vote-table"]
    assert "No votes yet" in results("two")["vote-table"]
    visitor.run = "two"
    assert visitor.opens().number == 1


def test_a_database_that_cannot_be_opened_reaches_the_reader(monkeypatch, newcomer):
    monkeypatch.setenv("SELMA_VOTES", "nonsense")
    with pytest.raises(EngineError, match="SELMA_VOTES"):
        newcomer().opens()


def test_a_slow_drawing_does_not_bring_back_a_pair_that_has_its_vote(visitor, newcomer, monkeypatch):
    """It began before the vote, and ends after it."""
    slow, next_ballot = newcomer(), ballots.next_ballot
    slow.token = visitor.token

    def voted_meanwhile(*given):
        found = next_ballot(*given)
        monkeypatch.setattr(ballots, "next_ballot", next_ballot)
        visitor.votes("left")
        return found

    monkeypatch.setattr(ballots, "next_ballot", voted_meanwhile)
    assert slow.opens().sight == visitor.sight and slow.number == 2
