"""Who votes from a page: the voter that its browser keeps, or a new one."""

import ipaddress
from functools import cache

from gradio.context import LocalContext

from app import access
from engine import jobs
from engine.votes import voters
from engine.votes.voters import Newcomers, Signer, Voter

SECRET = ".voters-secret"
"""Beside the runs; whoever has it can make voters."""
PREFIX = {4: 32, 6: 64}
"""Bits of an address that are one client's."""


def of_page(token: object) -> Voter:
    """The voter of the token a page sent; of one that is not ours, the page's own new voter.

    Raises EngineError where the secret cannot be read or made.
    """
    signer = Signer(voters.secret(jobs.runs() / SECRET))
    request = LocalContext.request.get(None)
    return signer.known(token) or signer.of_session(getattr(request, "session_hash", None))


def admit(token: object) -> Voter:
    """The page's voter, who may be handed a ballot.

    Raises TooMany when the address brings more new voters than people do, and EngineError.
    """
    voter = of_page(token)
    if voter.token != token:
        newcomers().admit(voter.id, address())
    return voter


@cache
def newcomers() -> Newcomers:
    return Newcomers()


def address() -> str:
    """The other end of the connection; on a Space that is its proxy, and counts whom the proxy saw.

    uvicorn itself believes a proxy on this machine, and those that FORWARDED_ALLOW_IPS names.
    """
    request = LocalContext.request.get(None)
    if request is None:
        return ""
    host = request.client.host if request.client else ""
    if not access.is_public():
        return host
    return client_address(host, request.headers.get("x-forwarded-for", ""))


def client_address(host: str, forwarded: str) -> str:
    """The last public address that a proxy noted, else `host`.

    Proxies append: what a client invents stands further left. Somebody with IPv6 has 2 ** 64
    addresses, which are taken for one.
    """
    for noted in reversed(forwarded.split(",")):
        try:
            address = ipaddress.ip_address(noted.strip())
        except ValueError:
            continue
        if address.is_global:
            network = ipaddress.ip_network((address, PREFIX[address.version]), strict=False)
            return str(network)
    return host
