"""Who votes is the server's word, whatever a client sends."""
from types import SimpleNamespace

import pytest
from gradio.context import LocalContext

from app.tabs.vote import voter_identity
from engine.core.errors import EngineError
from engine.runs import voting
from engine.votes.admission import AT_ONCE
from tests.app.visitor import cast


@pytest.fixture(autouse=True)
def at_once(no_patience):
    """Votes count without a look."""


def test_a_strangers_vote_under_a_found_ballot_is_refused(visitor, newcomer):
    thief = newcomer().opens()
    thief.page = dict(visitor.page)
    thief.votes("left")
    assert cast() == [] and "somebody else" in thief.note


@pytest.mark.parametrize("said", [
    None, 5, "x", [], {"run": 5, "ballot": ["x"]}, {"run": "example", "ballot": "x" * 10 ** 5},
    {"run": "../up", "ballot": "x"}, {"run": "nowhere", "ballot": "x", "look_seconds": 9}])
def test_what_no_page_says_votes_on_nothing_and_leaves_nothing(runs_folder, studio, visitor, said):
    try:
        studio.press("vote-left", {"run": "example", **visitor.sends(), "vote-sight": said})
    except EngineError as error:
        assert "cannot name a run" in str(error)
    assert cast() == []
    made = sorted(path.name for path in runs_folder.iterdir())
    assert made == [".voters-secret", "example-votes.db"]


@pytest.mark.parametrize("token", ["mine", "v" * 200_000, 5, None, ["v"], {"v": 1}, "v.v"])
def test_an_invented_voter_gets_a_fresh_one(token, newcomer):
    visitor = newcomer()
    visitor.token = token
    visitor.opens()
    assert isinstance(visitor.token, str) and len(visitor.token) == 66 and visitor.token != token
    visitor.votes("left")
    assert [len(v.voter) for v in cast()] == [22]


def test_a_crowd_of_one_address_waits(newcomer):
    for _ in range(AT_ONCE):
        first = newcomer().opens()
    late = newcomer().opens()
    assert "Very many new voters" in late.pair and late.token == "" and not late.may_press
    assert first.opens().number == 1 and first.votes("tie").number == 2
    handed_out = sum(row["ballots"] for row in voting.open_ledger("example").side_counts())
    assert handed_out == AT_ONCE + 1, "and nothing of the late one is stored"


@pytest.fixture
def visit(monkeypatch):
    """Comes from a proxy that saw a client."""
    request = SimpleNamespace(client=SimpleNamespace(host="10.0.0.1"), headers={"x-forwarded-for": "8.8.8.8"},
                              session_hash="page")
    monkeypatch.setattr(LocalContext, "request", SimpleNamespace(get=lambda _: request))


@pytest.mark.parametrize("space, address", [("somebody/studio", "8.8.8.8/32"), ("", "10.0.0.1")])
def test_on_a_space_the_client_counts_whom_its_proxy_saw(visit, monkeypatch, space, address):
    monkeypatch.setenv("SPACE_ID", space)
    admissions = []
    monkeypatch.setattr(voter_identity.newcomers(), "admit", lambda voter, address: admissions.append(address))
    voter = voter_identity.admit("")
    assert admissions == [address] and voter == voting.signer().new_voter("page")
