"""Who votes is the server's word, whatever a client sends."""
import pytest

from app.tabs.vote import pairs, voter_identity
from engine.core.errors import EngineError
from engine.votes.voters import AT_ONCE
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
    {"run": "../up", "ballot": "x"}, {"run": "nowhere", "ballot": "x", "looked": 9}])
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
    handed_out = sum(row["issued"] for row in pairs.ledger("example").sides())
    assert handed_out == AT_ONCE + 1, "and nothing of the late one is stored"


@pytest.mark.parametrize("forwarded, address", [
    ("", "10.0.0.1"), ("8.8.8.8", "8.8.8.8/32"),
    ("invented, 9.9.9.9, 8.8.8.8, 10.2.3.4", "8.8.8.8/32"),
    ("1.2.3.4, nonsense", "1.2.3.4/32"), ("192.168.1.1", "10.0.0.1"),
    ("2a00:1450:4001:82f::200e", "2a00:1450:4001:82f::/64"), ("x" * 10 ** 5, "10.0.0.1")])
def test_whom_the_proxy_saw(forwarded, address):
    assert voter_identity.client_address("10.0.0.1", forwarded) == address
