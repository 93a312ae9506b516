"""Which models of a run meet, and whose votes are counted for it."""
import shutil

import pytest
from PIL import Image

from engine import runs
from engine.core.errors import EngineError
from engine.runs import voting
from engine.votes import ballots
from engine.votes.ledger import forget_ledgers

DUEL = "merged@2 and base@3.5"


@pytest.fixture(autouse=True)
def fresh_ledgers():
    yield
    forget_ledgers()


@pytest.fixture
def copies(runs_folder):
    """Two runs that hold the example's pictures."""
    for name in ("one", "two"):
        shutil.copytree(runs.folder("example"), runs_folder / name)
    return runs_folder


def vote_on(run, choice="left"):
    ledger = voting.open_ledger(run)
    ballot = ballots.next_ballot(ledger, voting.sifted_pairs(run, DUEL).distinct, "voter")
    return ledger.cast(ballot.id, choice)


def paint_anew(folder):
    for file in (folder / "scores/merged@2/pictures").glob("*.png"):
        Image.open(file).rotate(180).save(file)


def test_the_merge_against_the_base_comes_first_and_all_models_last():
    assert voting.duels("example") == {
        DUEL: ("merged@2", "base@3.5"), "counting@3.5 and base@3.5": ("counting@3.5", "base@3.5"),
        voting.ALL_MODELS: ()}
    assert voting.duels(runs.NEW) == {voting.ALL_MODELS: ()}


def test_rivals_meet_the_base_at_their_own_scale_where_they_can():
    models = ["base@2", "base@3.5", "a@2", "merged@5", "other"]
    assert voting.rivals(models, ["merged"]) == [("merged@5", "base@3.5"), ("a@2", "base@2"), ("other", "base@3.5")]
    assert voting.rivals(["a@2"], []) == []


@pytest.mark.parametrize("duel, pairs_per_prompt", [(DUEL, 1), (voting.ALL_MODELS, 3), ("gone", 3), (None, 3)])
def test_the_pairs_of_a_duel_or_of_all_models(duel, pairs_per_prompt):
    assert voting.sifted_pairs("example", duel).total == 9 * pairs_per_prompt


def test_who_looks_at_votes_makes_no_file(runs_folder):
    assert voting.votes("example") == voting.votes_on_pictures("example") == []
    assert not runs_folder.exists()


def test_a_run_keeps_votes_on_pictures_that_were_painted_anew(copies):
    vote = vote_on("one")
    assert voting.votes("one") == voting.votes_on_pictures("one") == [vote]
    paint_anew(copies / "one")
    assert voting.votes("one") == [vote] and voting.votes_on_pictures("one") == []


def test_in_a_database_of_several_runs_each_has_the_votes_on_its_pictures(copies, monkeypatch):
    monkeypatch.setenv("SELMA_VOTES", f"sqlite:///{copies}/all.db")
    paint_anew(copies / "two")
    first, second = vote_on("one"), vote_on("two", "right")
    assert voting.votes("one") == [first] and voting.votes("two") == [second]
    assert voting.votes(runs.NEW) == []


def test_a_database_that_cannot_be_opened_is_named(monkeypatch):
    monkeypatch.setenv("SELMA_VOTES", "nonsense")
    with pytest.raises(EngineError, match="nonsense"):
        voting.open_ledger("example")


def test_all_of_a_runs_folder_know_the_same_voters(runs_folder, monkeypatch):
    monkeypatch.delenv("SELMA_SECRET", raising=False)
    voter = voting.signer().new_voter("page")
    assert voting.signer().verify(voter.token) == voter
    assert [file.name for file in runs_folder.iterdir()] == [voting.SECRET_FILE]
