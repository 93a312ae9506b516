"""The voting page: blind, one vote a pair, and a second press does not vote on the next pair."""
import re
import shutil
import time

import gradio as gr
import pytest
from PIL import Image

from app import runs
from app.tabs import vote
from app.tabs.vote import Booth
from engine.votes.ledger import CHOICES, Ledger

PAIR, BUTTONS = 2, slice(3, 7)
"""Where they are in what `show_pair` returns; before them come the booth and the voter."""


@pytest.fixture(autouse=True)
def no_patience(monkeypatch):
    monkeypatch.setattr(vote, "LEAST_LOOK_SECONDS", 0.0)
    yield
    vote._ledger.cache_clear()


def cast():
    return Ledger(runs.votes_url("example")).votes()


def enter(duel="merged@2 and base@3.5"):
    booth, voter, *_ = vote.show_pair("example", duel, Booth(), "")
    return booth, voter


def test_the_merge_against_the_base_is_asked_first():
    choice, *_ = vote.show("example", None, Booth(), "")
    assert choice["choices"] == ["merged@2 and base@3.5", "counting@3.5 and base@3.5", vote.EVERYTHING]
    assert choice["value"] == "merged@2 and base@3.5" and choice["visible"]


def test_rivals_meet_the_base_at_their_own_scale_where_they_can():
    models = ["base@2", "base@3.5", "a@2", "merged@5", "ceiling"]
    assert vote.rivals(models, ["merged"]) == [("merged@5", "base@3.5"), ("a@2", "base@2"), ("ceiling", "base@3.5")]
    assert vote.rivals(["a@2"], []) == []


def test_the_page_names_nobody():
    booth, voter, pair, *rest = vote.show_pair("example", vote.EVERYTHING, Booth(), "")
    html = pair + "".join(str(one.get_config()) for one in rest)
    told = re.sub(r"base64,[^\"]+", "", html)
    assert not re.search(r"merged|base|counting@|\.png|/", told.replace("</", "").replace("data:image/png;", ""))
    assert pair.count("<img") == 2 and booth.ballot.id not in html and voter not in html
    left, right = re.findall(r'<img class="([^"]+)"', pair)
    assert left == right


@pytest.mark.parametrize("choice", CHOICES)
def test_a_vote_is_counted_and_the_next_pair_comes(choice):
    booth, voter = enter()
    first = booth.ballot
    booth, *_ = vote.vote(choice, "example", "merged@2 and base@3.5", booth, voter)
    assert [v.choice for v in cast()] == [choice] and cast()[0].prompt == first.prompt
    assert booth.ballot.id != first.id and booth.ballot.number == 2


def test_a_press_right_after_the_pair_came_is_not_meant_for_it(monkeypatch):
    monkeypatch.setattr(vote, "LEAST_LOOK_SECONDS", 0.3)
    booth, voter = enter()
    shown = booth.ballot
    vote.vote("left", "example", "merged@2 and base@3.5", booth, voter)
    assert cast() == [] and booth.ballot == shown
    time.sleep(0.31)
    vote.vote("left", "example", "merged@2 and base@3.5", booth, voter)
    assert len(cast()) == 1


def test_a_stale_page_cannot_vote_twice():
    booth, voter = enter()
    stale = Booth(booth.ballot, 0.0)
    vote.vote("left", "example", "merged@2 and base@3.5", booth, voter)
    vote.vote("right", "example", "merged@2 and base@3.5", stale, voter)
    assert [v.choice for v in cast()] == ["left"] and stale.ballot == booth.ballot


def test_after_the_last_pair_there_is_nothing_to_press():
    booth, voter = enter()
    for _ in range(9):
        values = vote.vote("tie", "example", "merged@2 and base@3.5", booth, voter)
    assert "That was the last pair" in values[PAIR] and not any(b.interactive for b in values[BUTTONS])
    assert len(cast()) == 9
    vote.vote("tie", "example", "merged@2 and base@3.5", booth, voter)
    assert len(cast()) == 9


def test_results_come_with_their_interval():
    booth, voter = enter()
    table, plot = vote.so_far("example")
    assert "No votes yet" in table and not plot.visible
    for _ in range(4):
        vote.vote("left", "example", "merged@2 and base@3.5", booth, voter)
    table, plot = vote.so_far("example")
    assert "merged@2 over base@3.5" in table and " to " in table and plot.visible


def test_a_run_without_pictures_says_what_to_do_and_gets_no_file(runs_folder):
    values = vote.show(runs.NEW, None, Booth(), "")
    assert "Nothing to compare yet" in values[1 + PAIR] and "No votes yet" in vote.so_far(runs.NEW)[0]
    assert not runs_folder.exists()


def test_nothing_moves_while_the_pair_in_sight_is_the_next():
    booth = Booth()
    _, _, voter, pair, *rest = vote.show("example", None, booth, "")
    again = vote.show("example", None, booth, voter)
    assert "<img" in pair and again[1:] == [gr.skip()] * 8, "a job that moves on folds no results and sends no pictures"
    vote.vote("tie", "example", "merged@2 and base@3.5", booth, voter)
    assert vote.show("example", None, Booth(), voter)[3] != pair


def test_votes_count_for_the_pictures_they_were_cast_on(runs_folder, monkeypatch):
    """One database for all runs: another run's pictures, and those painted anew, are other pairs."""
    monkeypatch.setenv("SELMA_VOTES", f"sqlite:///{runs_folder}/all.db")
    for name in ("one", "two"):
        shutil.copytree(runs.folder("example"), runs_folder / name)
    for file in (runs_folder / "two/scores/merged@2/pictures").glob("*.png"):
        Image.open(file).rotate(180).save(file)
    duel = "merged@2 and base@3.5"
    booth, voter, *_ = vote.show_pair("one", duel, Booth(), "")
    vote.vote("left", "one", duel, booth, voter)
    assert "merged@2 over base@3.5" in vote.so_far("one")[0] and "No votes yet" in vote.so_far("two")[0]
    booth, *_ = vote.show_pair("two", duel, Booth(), voter)
    assert booth.ballot.number == 1 and booth.ballot.left.parts[-5] == "two"


def test_a_database_that_cannot_be_opened_reaches_the_reader(monkeypatch):
    monkeypatch.setenv("SELMA_VOTES", "nonsense")
    with pytest.raises(Exception, match="SELMA_VOTES"):
        enter()
