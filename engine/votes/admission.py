"""How many new voters one address may bring, and which address a request comes from.

What this stops, with the signed ids of `voters`: votes under invented ids, and a crowd of new ids
from one address. What it does not: a person with several browsers, or who clears what the browser
keeps, is several voters, as slowly as `Newcomers` allows; somebody with many addresses is as many
crowds. Accounts would stop that, and shut out whoever has none.
"""

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple, TypeVar

from engine.core.errors import EngineError
from engine.votes.voters import Signer, Voter

AT_ONCE = 40
"""New voters of one address without a wait: a class that opens the page together."""
PER_MINUTE = 10.0
MOST_REMEMBERED = 10_000
NETWORK_BITS = {4: 32, 6: 64}
"""Bits of an address, by IP version, that are one client's: with IPv6 it has 2 ** 64."""
Value = TypeVar("Value")


class CrowdError(EngineError):
    """More new voters come from one address than people do."""


class Visit(NamedTuple):
    """What came with a page's request; a client can send whatever it likes."""

    token: object
    """Of a voter, as the page's browser keeps it."""
    session: str | None
    """Of the page."""
    address: str


class Newcomers:
    """Lets in `AT_ONCE` new voters of an address at once, and then `PER_MINUTE`; in memory."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._voters: OrderedDict[str, None] = OrderedDict()
        self._places: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """By address: the places that were left, and when."""

    def admit(self, voter: str, address: str) -> None:
        """Once per voter; who was let in stays in. Raises CrowdError."""
        with self._lock:
            if voter in self._voters:
                return
            places_left = self._places_left(address)
            if places_left < 1:
                raise CrowdError(
                    "Very many new voters come from your address. Wait a minute, reload the page, "
                    "and keep what this site stores in your browser."
                )
            _remember(self._places, address, (places_left - 1, self._clock()))
            _remember(self._voters, voter, None)

    def _places_left(self, address: str) -> float:
        now = self._clock()
        places_left, noted_at = self._places.get(address, (float(AT_ONCE), now))
        regained = (now - noted_at) * PER_MINUTE / 60
        return min(AT_ONCE, places_left + regained)


def admit(visit: Visit, signer: Signer, newcomers: Newcomers) -> Voter:
    """The visit's voter, who may be handed a ballot. Raises CrowdError for one too many."""
    voter = signer.voter(visit.token, visit.session)
    if voter.token != visit.token:
        newcomers.admit(voter.id, visit.address)
    return voter


def client_address(host: str, forwarded: str, is_behind_proxy: bool) -> str:
    """The address that counts as one client's.

    `host` is the other end of the connection, `forwarded` the header X-Forwarded-For. Behind a
    proxy of the operator's, it is the last public address that a proxy noted, else `host`: proxies
    append, and what a client invents stands further left. Elsewhere the header is not believed.
    """
    if not is_behind_proxy:
        return host
    for text in reversed(forwarded.split(",")):
        network = _public_network(text.strip())
        if network:
            return network
    return host


def _public_network(text: str) -> str:
    """The network of a public address that is one client's; "" for anything else."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return ""
    if not address.is_global:
        return ""
    bits = NETWORK_BITS[address.version]
    return str(ipaddress.ip_network((address, bits), strict=False))


def _remember(entries: OrderedDict[str, Value], key: str, value: Value) -> None:
    """As the newest entry; the oldest make room for it."""
    entries[key] = value
    entries.move_to_end(key)
    while len(entries) > MOST_REMEMBERED:
        entries.popitem(last=False)
