"""An address brings a class of new voters at once, and then few; which address that is."""
from concurrent.futures import ThreadPoolExecutor

import pytest

from engine.votes import admission
from engine.votes.admission import AT_ONCE, PER_MINUTE, CrowdError, Newcomers, Visit, client_address
from engine.votes.voters import Signer

HOST = "10.0.0.1"


@pytest.fixture
def signer():
    return Signer(b"s" * 32)


def test_an_address_brings_a_class_at_once_and_then_few():
    now = [0.0]
    newcomers = Newcomers(lambda: now[0])
    for number in range(AT_ONCE):
        newcomers.admit(f"v{number}", "school")
    with pytest.raises(CrowdError, match="Wait a minute"):
        newcomers.admit("one more", "school")
    newcomers.admit("v0", "school")
    newcomers.admit("one more", "elsewhere")
    now[0] += 60 / PER_MINUTE
    newcomers.admit("late", "school")
    with pytest.raises(CrowdError):
        newcomers.admit("later", "school")


def test_threads_admit_no_more_than_there_is_room_for():
    newcomers = Newcomers(lambda: 0.0)

    def enters(number):
        try:
            newcomers.admit(f"v{number}", "one")
        except CrowdError:
            return 0
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(enters, range(200))) == AT_ONCE


def test_the_limiter_forgets_and_does_not_grow(monkeypatch):
    monkeypatch.setattr(admission, "MOST_REMEMBERED", 5)
    newcomers = Newcomers(lambda: 0.0)
    for number in range(50):
        newcomers.admit(f"v{number}", f"address {number}")
    assert len(newcomers._voters) == len(newcomers._places) == 5


def test_a_new_voter_counts_for_its_address_and_one_who_is_known_does_not(signer, monkeypatch):
    monkeypatch.setattr(admission, "AT_ONCE", 1)
    newcomers = Newcomers(lambda: 0.0)
    first = admission.admit(Visit("", "page", "school"), signer, newcomers)
    assert signer.verify(first.token) == first
    assert admission.admit(Visit("forged", "page", "school"), signer, newcomers) == first, "the page's first token"
    with pytest.raises(CrowdError):
        admission.admit(Visit("", "another page", "school"), signer, newcomers)
    assert admission.admit(Visit(first.token, "another page", "school"), signer, newcomers) == first


@pytest.mark.parametrize("forwarded, address", [
    ("", HOST), ("8.8.8.8", "8.8.8.8/32"),
    ("invented, 9.9.9.9, 8.8.8.8, 10.2.3.4", "8.8.8.8/32"),
    ("1.2.3.4, nonsense", "1.2.3.4/32"), ("192.168.1.1", HOST),
    ("2a00:1450:4001:82f::200e", "2a00:1450:4001:82f::/64"), ("x" * 10 ** 5, HOST)])
def test_behind_a_proxy_the_one_whom_it_saw_counts(forwarded, address):
    assert client_address(HOST, forwarded, is_behind_proxy=True) == address


def test_elsewhere_nobody_chooses_his_address():
    assert client_address(HOST, "8.8.8.8", is_behind_proxy=False) == HOST
