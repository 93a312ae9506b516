"""Who votes: ids that the server makes and signs, and how many new ones it makes for one address.

A voter is a browser, by the token it keeps: `<id>.<signature>`. What is forged, cut or empty gets a
fresh id, the same for all requests of one page, so that a page whose first drawings overtake each
other is one voter.

What this stops: votes under invented ids, and a crowd of new ids from one address. What it does
not: a person with several browsers, or who clears what the browser keeps, is several voters, as
slowly as `Newcomers` allows; somebody with many addresses is as many crowds. Accounts would stop
that, and shut out whoever has none.
"""

import base64
import hashlib
import hmac
import os
import secrets
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from engine.core.errors import EngineError

ID_BYTES, SIGNATURE_BYTES, SECRET_BYTES = 16, 32, 32
MOST_LETTERS = 100
"""Of a token; ours have 66."""
LEAST_SECRET_LETTERS = 16
AT_ONCE = 40
"""New voters of one address without a wait: a class that opens the page together."""
PER_MINUTE = 10.0
REMEMBERED = 10_000


class TooMany(EngineError):
    """More new voters come from one address than people do."""


class Voter(NamedTuple):
    """An id, and the token that its browser keeps."""

    id: str
    token: str


class Signer:
    """Makes voters and knows them again; all servers with the same secret know the same ones."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def known(self, token: object) -> Voter | None:
        """The voter of a token that was signed here; None for anything else."""
        if not isinstance(token, str) or len(token) > MOST_LETTERS or not token.isascii():
            return None
        voter, _, _ = token.partition(".")
        return Voter(voter, token) if hmac.compare_digest(self._token(voter), token) else None

    def of_session(self, session: str | None) -> Voter:
        """The voter of a page by its session, the same however often it asks; a new one without."""
        voter = self._code("session", session or secrets.token_hex(ID_BYTES))[:ID_BYTES]
        return self._signed(_letters(voter))

    def _signed(self, voter: str) -> Voter:
        return Voter(voter, self._token(voter))

    def _token(self, voter: str) -> str:
        return f"{voter}.{_letters(self._code('voter', voter)[:SIGNATURE_BYTES])}"

    def _code(self, purpose: str, text: str) -> bytes:
        return hmac.digest(self._secret, _bytes(f"{purpose}\x1f{text}"), hashlib.sha256)


class Newcomers:
    """Lets in `AT_ONCE` new voters of an address at once, and then `PER_MINUTE`; in memory."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._lock = clock, threading.Lock()
        self._known: OrderedDict[str, None] = OrderedDict()
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def admit(self, voter: str, address: str) -> None:
        """Once a voter; who was let in stays in. Raises TooMany."""
        with self._lock:
            if voter in self._known:
                return
            left = self._places(address)
            if left < 1:
                raise TooMany(
                    "Very many new voters come from your address. Wait a minute, reload "
                    "the page, and keep what this site stores in your browser."
                )
            _remember(self._left, address, (left - 1, self._clock()))
            _remember(self._known, voter, None)

    def _places(self, address: str) -> float:
        left, seen_at = self._left.get(address, (float(AT_ONCE), self._clock()))
        return min(AT_ONCE, left + (self._clock() - seen_at) * PER_MINUTE / 60)


def secret(file: Path) -> bytes:
    """SELMA_SECRET, or what `file` holds, which is made when it is missing, for its owner alone.

    Raises EngineError for a SELMA_SECRET that can be guessed, and where the file cannot be made.
    """
    from_outside = os.environ.get("SELMA_SECRET")
    if from_outside:
        _check_secret(from_outside)
        return from_outside.encode()
    try:
        code = _read(file)
        if code is None:
            _make(file)
            code = _read(file)
    except OSError as error:
        raise EngineError(
            f"The secret that signs voters cannot be kept in {file} "
            f"({error.strerror}). Set SELMA_SECRET instead, or free some "
            "space."
        ) from error
    if code is None:
        raise EngineError(f"{file} does not keep what is written to it. Set SELMA_SECRET instead.")
    return code


def _check_secret(text: str) -> None:
    if len(text) < LEAST_SECRET_LETTERS:
        raise EngineError(
            f"SELMA_SECRET has {len(text)} letters and can be guessed. Set it "
            f"to {LEAST_SECRET_LETTERS} random ones at least, or leave it out."
        )


def _read(file: Path) -> bytes | None:
    """None where the file is missing, or was cut short."""
    try:
        code = file.read_bytes()
    except FileNotFoundError:
        return None
    return code if len(code) >= SECRET_BYTES else None


def _make(file: Path) -> None:
    """Whole or not at all; of two servers that start at once, both read the first one's file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".writing-")  # 0600, as it stays
    try:
        with os.fdopen(handle, "wb") as scratch:
            scratch.write(secrets.token_bytes(SECRET_BYTES))
            scratch.flush()
            os.fsync(scratch.fileno())
        if not _linked(name, file) and _read(file) is None:  # it was cut short, or no links
            os.replace(name, file)
    finally:
        Path(name).unlink(missing_ok=True)


def _linked(name: str, file: Path) -> bool:
    """Whether `file` is now what `name` is; False where it is there already, or links are not."""
    try:
        os.link(name, file)
    except OSError:
        return False
    return True


def _remember(among: OrderedDict, key: str, value: object) -> None:
    among[key] = value
    among.move_to_end(key)
    while len(among) > REMEMBERED:
        among.popitem(last=False)


def _bytes(text: str) -> bytes:
    """JSON can hold half a character, which is no text to UTF-8."""
    return text.encode("utf-8", "surrogatepass")


def _letters(code: bytes) -> str:
    return base64.urlsafe_b64encode(code).decode().rstrip("=")
