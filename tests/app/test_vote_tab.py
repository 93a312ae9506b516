"""The voting page: blind, and a vote is for the pair that was on the page and looked at."""
import re
import shutil

import gradio as gr
import pytest
from PIL import Image

from app.tabs import vote
from engine import runs
from engine.votes import ballots
from engine.votes.schema import CHOICES
from tests.app.visitor import DUEL, Seen, Visitor, asked, cast


@pytest.fixture(autouse=True)
def at_once(no_patience):
    """Votes count without a look."""


def test_the_merge_against_the_base_is_asked_first():
    choice, *_ = vote.show("example", None, {}, "")
    assert choice["choices"] == [DUEL, "counting@3.5 and base@3.5", vote.EVERYTHING]
    assert choice["value"] == DUEL and choice["visible"]


def test_rivals_meet_the_base_at_their_own_scale_where_they_can():
    models = ["base@2", "base@3.5", "a@2", "merged@5", "other"]
    assert vote.rivals(models, ["merged"]) == [("merged@5", "base@3.5"), ("a@2", "base@2"), ("other", "base@3.5")]
    assert vote.rivals(["a@2"], []) == []


def test_the_page_names_nobody():
    visitor = Visitor(vote.EVERYTHING).opens()
    buttons = "".join(str(button.get_config()) for button in visitor.seen.buttons)
    html = visitor.seen.pair + visitor.seen.note + buttons
    told = re.sub(r"base64,[^\"]+", "", html)
    assert not re.search(r"merged|base|counting@|\.png|/", told.replace("</", "").replace("data:image/png;", ""))
    assert visitor.seen.pair.count("<img") == 2 and visitor.token not in html
    left, right = re.findall(r'<img class="([^"]+)"', visitor.seen.pair)
    assert left == right


@pytest.mark.parametrize("choice", CHOICES)
def test_a_vote_is_counted_and_the_next_pair_comes(visitor, choice):
    first, pair = visitor.seen.sight, visitor.seen.pair
    visitor.votes(choice)
    counted, = cast()
    assert (counted.choice, counted.ballot) == (choice, first["ballot"]) and counted.prompt in pair
    assert visitor.seen.sight["ballot"] != first["ballot"] and visitor.number == 2


def test_the_vote_is_for_the_pair_on_the_page_whatever_was_drawn_since(visitor):
    """Another drawing of the same page may have overtaken it, or the page may be an old one."""
    old = visitor.seen
    elsewhere = Visitor(vote.EVERYTHING)
    elsewhere.token = visitor.token
    elsewhere.opens()
    assert f'data-ballot="{old.sight["ballot"]}"' in old.pair
    visitor.votes("left")
    assert cast()[0].ballot == old.sight["ballot"] and cast()[0].prompt in old.pair


def test_the_run_goes_with_the_ballot(runs_folder, visitor):
    """The choice of runs is changed, and the pair of the run before is still on the page."""
    shutil.copytree(runs.folder("example"), runs_folder / "other")
    visitor.run = "other"
    visitor.votes("right")
    assert len(cast()) == 1 and cast("other") == [] and visitor.seen.sight["run"] == "other"


def test_a_press_before_the_pair_was_seen_is_not_meant_for_it(visitor, monkeypatch):
    monkeypatch.setattr(ballots, "LEAST_LOOK_SECONDS", 0.3)
    before = visitor.seen
    for looked in (0.0, 0.29, None, "9", float("nan"), [9.0]):
        visitor.votes("left", looked)
        assert cast() == [] and visitor.seen.pair == before.pair
        assert "Look, and then vote" in visitor.seen.note
    monkeypatch.setattr(ballots, "LEAST_LOOK_SECONDS", 0.0)
    visitor.votes("left")
    assert len(cast()) == 1 and "Look" not in visitor.seen.note


def test_a_stale_page_cannot_vote_twice(visitor):
    stale = Visitor()
    stale.seen, stale.token = visitor.seen, visitor.token
    visitor.votes("left")
    stale.votes("right")
    assert [v.choice for v in cast()] == ["left"] and stale.seen.sight == visitor.seen.sight
    assert "the first one counts" in stale.seen.note


def test_after_the_last_pair_there_is_nothing_to_press(visitor):
    for _ in range(asked()):
        visitor.votes("tie")
    assert "That was the last pair" in visitor.seen.pair
    assert not any(button.interactive for button in visitor.seen.buttons)
    assert len(cast()) == asked() > 3
    visitor.votes("tie")
    assert len(cast()) == asked()


def test_results_come_with_their_interval(visitor):
    table, plot = vote.so_far("example", DUEL)
    assert "No votes yet" in table and not plot.visible
    for _ in range(4):
        visitor.votes("left")
    table, plot = vote.so_far("example", DUEL)
    assert "merged@2 over base@3.5" in table and " to " in table and plot.visible


def test_a_run_without_pictures_says_what_to_do_and_gets_no_file(runs_folder):
    _, *answer = vote.show(runs.NEW, None, {}, "")
    assert "Nothing to compare yet" in Seen.of(answer).pair
    assert "No votes yet" in vote.so_far(runs.NEW, None)[0]
    assert not runs_folder.exists()


def test_nothing_moves_while_the_pair_in_sight_is_the_next(visitor):
    again = vote.show("example", DUEL, visitor.sight(), visitor.token)
    assert again[1:] == [gr.skip()] * vote.WIDTH, "results stay open, pictures stay"
    pair = visitor.seen.pair
    visitor.votes("tie")
    assert Seen.of(vote.show("example", DUEL, {}, visitor.token)[1:]).pair != pair


def test_votes_count_for_the_pictures_they_were_cast_on(runs_folder, monkeypatch):
    """One database for all runs: another run's pictures, and those painted anew, are other pairs."""
    monkeypatch.setenv("SELMA_VOTES", f"sqlite:///{runs_folder}/all.db")
    for name in ("one", "two"):
        shutil.copytree(runs.folder("example"), runs_folder / name)
    for file in (runs_folder / "two/scores/merged@2/pictures").glob("*.png"):
        Image.open(file).rotate(180).save(file)
    visitor = Visitor(run="one").opens().votes("left")
    assert "merged@2 over base@3.5" in vote.so_far("one", DUEL)[0]
    assert "No votes yet" in vote.so_far("two", DUEL)[0]
    visitor.run = "two"
    assert visitor.opens().number == 1


def test_a_database_that_cannot_be_opened_reaches_the_reader(monkeypatch):
    monkeypatch.setenv("SELMA_VOTES", "nonsense")
    with pytest.raises(Exception, match="SELMA_VOTES"):
        Visitor().opens()


def test_a_slow_drawing_does_not_bring_back_a_pair_that_has_its_vote(visitor, monkeypatch):
    """It began before the vote, and ends after it."""
    slow, next_ballot = Visitor(), ballots.next_ballot
    slow.token = visitor.token

    def voted_meanwhile(*given):
        found = next_ballot(*given)
        monkeypatch.setattr(ballots, "next_ballot", next_ballot)
        visitor.votes("left")
        return found

    monkeypatch.setattr(ballots, "next_ballot", voted_meanwhile)
    assert slow.opens().seen.sight == visitor.seen.sight and slow.number == 2
