"""One vote a ballot, whoever races; nothing that was counted can change."""
import multiprocessing
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sql

from engine.core.errors import EngineError
from engine.votes import ballots, pairs
from engine.votes.ledger import Ledger, RefusedVote, forget_ledgers, open_ledger
from engine.votes.schema import VOTES
from tests.full_disk import full_disk
from tests.votes.painted import paint_run

SHOWN = """prompt_id TEXT NOT NULL, prompt TEXT NOT NULL, left_model TEXT NOT NULL,
    right_model TEXT NOT NULL, left_seed BIGINT NOT NULL, right_seed BIGINT NOT NULL"""
OLD_SCHEMA = f"""
CREATE TABLE ballots (id VARCHAR(43) NOT NULL, voter VARCHAR(43) NOT NULL,
    pair VARCHAR(64) NOT NULL, {SHOWN},
    issued_at VARCHAR(32) NOT NULL, PRIMARY KEY (id), UNIQUE (voter, pair));
CREATE TABLE votes (number INTEGER NOT NULL, ballot VARCHAR(43) NOT NULL,
    voter VARCHAR(43) NOT NULL,
    choice VARCHAR(8) NOT NULL CHECK (choice IN ('left', 'right', 'tie', 'both bad')), {SHOWN},
    cast_at VARCHAR(32) NOT NULL, PRIMARY KEY (number), UNIQUE (ballot),
    FOREIGN KEY(ballot) REFERENCES ballots (id));
CREATE TRIGGER votes_no_update BEFORE UPDATE ON votes
    BEGIN SELECT RAISE(ABORT, 'votes are append-only'); END;
"""


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/deep/votes.db"


def issue(ledger, voter="v", pair="a" * 64, ballot="b" * 22):
    return ledger.issue({
        "id": ballot, "voter": voter, "pair": pair, "prompt_id": "p", "prompt": "a ball",
        "left_model": "base", "right_model": "merged", "left_seed": 2 ** 62, "right_seed": 1})


def test_a_second_vote_on_a_ballot_is_refused(url):
    ledger = Ledger(url)
    assert issue(ledger)
    ledger.cast("b" * 22, "left")
    with pytest.raises(RefusedVote, match="the first one counts"):
        ledger.cast("b" * 22, "right")
    assert [vote.choice for vote in ledger.votes()] == ["left"]


def test_a_file_that_is_deleted_under_the_server_is_made_again(url, tmp_path):
    ledger = Ledger(url)
    issue(ledger)
    ledger.cast("b" * 22, "left")
    shutil.rmtree(tmp_path / "deep")
    assert ledger.votes() == [] and issue(ledger)
    ledger.cast("b" * 22, "right")
    assert [vote.choice for vote in Ledger(url).votes()] == ["right"], "and what is counted then is on the disk"


def test_a_voter_gets_a_pair_once(url):
    ledger = Ledger(url)
    assert issue(ledger) and not issue(ledger, ballot="c" * 22) and issue(ledger, voter="w", ballot="d" * 22)


@pytest.mark.parametrize("ballot, choice, words", [
    ("unknown", "left", "never handed out"), ("b" * 22, "merged", "is no choice"),
    ("b" * 22, None, "is no choice"), ("b" * 200_000, "left", "never handed out"),
    ("\ud800", "left", "never handed out"), ("b\0", "left", "never handed out"),
    (["b" * 22], "left", "never handed out"), (None, "left", "never handed out"),
    ("b" * 22, "left" * 50_000, "is no choice"),
    ("'; DROP TABLE votes; --", "left", "never handed out")])
def test_nonsense_is_refused(url, ballot, choice, words):
    ledger = Ledger(url)
    issue(ledger)
    with pytest.raises(RefusedVote, match=words):
        ledger.cast(ballot, choice)
    assert ledger.votes() == []


@pytest.mark.parametrize("given", [
    {"voter": "v" * 200_000}, {"ballot": "b" * 44}, {"pair": "a" * 65}])
def test_nothing_longer_than_its_column_is_stored(url, given):
    ledger = Ledger(url)
    with pytest.raises(RefusedVote, match="is not stored"):
        issue(ledger, **given)
    assert ledger.ballots_of("v" * 200_000) == ledger.side_counts() == []


def test_votes_of_an_earlier_version_open_and_count(url, tmp_path):
    """Its file had no limit on what a voter was called, and nothing else is different."""
    (tmp_path / "deep").mkdir()
    with sqlite3.connect(tmp_path / "deep" / "votes.db") as old:
        old.executescript(OLD_SCHEMA)
        shown = ("p", "a ball", "base", "merged", 7, 7)
        for number in range(2):
            old.execute("INSERT INTO ballots VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        (f"old-{number}", "w" * 300, f"pair-{number}", *shown, "2026-01-01"))
        old.execute("INSERT INTO votes VALUES (1, 'old-0', ?, 'left', ?, ?, ?, ?, ?, ?, '2026')",
                    ("w" * 300, *shown))
    ledger = Ledger(url)
    assert [(vote.ballot, vote.choice) for vote in ledger.votes()] == [("old-0", "left")]
    ledger.cast("old-1", "tie")
    assert issue(ledger) and [vote.choice for vote in ledger.votes()] == ["left", "tie"]


@pytest.mark.parametrize("change", [sql.update(VOTES).values(choice="right"), sql.delete(VOTES)])
def test_votes_are_append_only(url, change):
    ledger = Ledger(url)
    issue(ledger)
    ledger.cast("b" * 22, "left")
    with pytest.raises(sql.exc.IntegrityError, match="append-only"), ledger._database._engine.connect() as database:
        database.execute(change)
    assert [vote.choice for vote in ledger.votes()] == ["left"]


def test_the_file_is_in_wal_and_votes_survive(url):
    ledger = Ledger(url)
    issue(ledger)
    ledger.cast("b" * 22, "tie")
    with ledger._database._engine.connect() as database:
        assert database.execute(sql.text("PRAGMA journal_mode")).scalar() == "wal"
        assert database.execute(sql.text("PRAGMA synchronous")).scalar() == 2
    ledger.close()
    assert [vote.left_seed for vote in Ledger(url).votes()] == [2 ** 62]


def attempt(ledger, choice):
    try:
        ledger.cast("b" * 22, choice)
    except RefusedVote:
        return 0
    return 1


def test_threads_that_vote_the_same_ballot_leave_one_vote(url):
    ledger = Ledger(url)
    issue(ledger)
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda n: attempt(ledger, ("left", "right")[n % 2]), range(16))) == 1
    assert len(ledger.votes()) == 1


def test_threads_of_one_voter_get_one_open_ballot(url, tmp_path):
    run_pairs = pairs.all_pairs(paint_run(tmp_path / "run"))
    ledger = Ledger(url)
    with ThreadPoolExecutor(8) as pool:
        handed = set(pool.map(lambda _: ballots.next_ballot(ledger, run_pairs, "v"), range(16)))
    issued, = ledger.ballots_of("v")
    assert {ballot.id for ballot in handed} == {issued["id"]}


def vote_in_a_process(url, choice, start, results):
    ledger = Ledger(url)  # two processes also race to make the tables
    start.wait()
    issue(ledger)
    results.put(attempt(ledger, choice))


def test_processes_that_vote_the_same_ballot_leave_one_vote(url):
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(2), context.Queue()
    workers = [context.Process(target=vote_in_a_process, args=(url, choice, start, results))
               for choice in ("left", "right")]
    for worker in workers:
        worker.start()
    counted = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join()
    assert sorted(counted) == [0, 1] and len(Ledger(url).votes()) == 1


@pytest.mark.parametrize("bad", ["nonsense", "nodriver://x/y", "sqlite:////proc/nowhere/votes.db"])
def test_a_database_that_cannot_be_opened_is_a_sentence(bad):
    with pytest.raises(EngineError, match="SELMA_VOTES"):
        Ledger(bad)


def test_a_full_disk_is_a_sentence_and_the_vote_may_be_cast_again(url):
    ledger = Ledger(url)
    issue(ledger)
    with full_disk(), pytest.raises(EngineError, match="The votes cannot be"):
        ledger.cast("b" * 22, "left")
    assert ledger.votes() == []
    ledger.cast("b" * 22, "right")
    assert [vote.choice for vote in ledger.votes()] == ["right"]


def test_a_database_that_fails_later_is_a_sentence(url):
    ledger = Ledger(url)
    with ledger._database._engine.connect() as database:
        database.execute(sql.text("DROP TABLE votes"))
    with pytest.raises(EngineError, match="cannot be read or written.*vote again"):
        ledger.votes()


def test_the_password_stays_out_of_the_sentence():
    with pytest.raises(EngineError) as told:
        Ledger("nodriver://me:secret@host/votes")
    assert "secret" not in str(told.value)


def test_a_process_opens_an_address_once_until_it_is_to_forget(url, tmp_path):
    """A ledger that stays open would count into the folder that had the name before."""
    first = open_ledger(url)
    assert open_ledger(url) is first and open_ledger(f"sqlite:///{tmp_path}/other.db") is not first
    forget_ledgers()
    assert open_ledger(url) is not first
