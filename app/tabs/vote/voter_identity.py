"""Who votes from a page, by what came with its request."""

from functools import cache

from gradio.context import LocalContext

from app import access
from engine.runs import voting
from engine.votes import admission
from engine.votes.admission import Newcomers, Visit
from engine.votes.voters import Voter


def page_voter(token: object) -> Voter:
    """The voter of the token a page sent, or the page's new one. Raises EngineError."""
    visit = _visit(token)
    return voting.signer().voter(visit.token, visit.session)


def admit(token: object) -> Voter:
    """The page's voter, who may be handed a ballot. Raises CrowdError and EngineError."""
    return admission.admit(_visit(token), voting.signer(), newcomers())


@cache
def newcomers() -> Newcomers:
    return Newcomers()


def _visit(token: object) -> Visit:
    """A Space has a proxy of its own before it. For proxies on this machine, and for those that
    FORWARDED_ALLOW_IPS names, uvicorn has put the client's address in its place already.
    """
    request = LocalContext.request.get(None)
    if request is None:
        return Visit(token, None, "")
    host = request.client.host if request.client else ""
    forwarded = request.headers.get("x-forwarded-for", "")
    address = admission.client_address(host, forwarded, is_behind_proxy=access.is_public())
    return Visit(token, getattr(request, "session_hash", None), address)
