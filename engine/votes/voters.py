"""Who votes: ids that the server makes and signs, so that it knows them again.

A voter is a browser, by the token it keeps: `<id>.<signature>`. What is forged, cut or empty gets a
fresh id, the same for all requests of one page, so that a page whose first drawings overtake each
other is one voter. `admission` says how many new ones an address may bring.
"""

import base64
import hashlib
import hmac
import os
import secrets
import tempfile
from pathlib import Path
from typing import NamedTuple

from engine.core.errors import EngineError

ID_BYTES, SIGNATURE_BYTES, SECRET_BYTES = 16, 32, 32
MOST_LETTERS = 100
"""Of a token; ours have 66."""
LEAST_SECRET_LETTERS = 16


class Voter(NamedTuple):
    """An id, and the token that its browser keeps."""

    id: str
    token: str


class Signer:
    """Makes voters and knows them again; all servers with the same secret know the same ones."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def voter(self, token: object, session: str | None) -> Voter:
        """The voter of the token a page sent; of one that was not signed here, the page's new
        voter.
        """
        return self.verify(token) or self.new_voter(session)

    def verify(self, token: object) -> Voter | None:
        """The voter of a token that was signed here; None for anything else."""
        if not isinstance(token, str) or len(token) > MOST_LETTERS or not token.isascii():
            return None
        voter, _, _ = token.partition(".")
        return Voter(voter, token) if hmac.compare_digest(self._token(voter), token) else None

    def new_voter(self, session: str | None) -> Voter:
        """The voter of a page, the same for all of its session; another each time without one."""
        digest = self._digest("session", session or secrets.token_hex(ID_BYTES))
        voter = _letters(digest[:ID_BYTES])
        return Voter(voter, self._token(voter))

    def _token(self, voter: str) -> str:
        signature = self._digest("voter", voter)[:SIGNATURE_BYTES]
        return f"{voter}.{_letters(signature)}"

    def _digest(self, purpose: str, text: str) -> bytes:
        return hmac.digest(self._secret, _bytes(f"{purpose}\x1f{text}"), hashlib.sha256)


def secret(file: Path) -> bytes:
    """SELMA_SECRET, or what `file` holds, which is made when it is missing, for its owner alone.

    Raises EngineError for a SELMA_SECRET that can be guessed, and where the file cannot be made.
    """
    environment_secret = os.environ.get("SELMA_SECRET")
    if environment_secret:
        _check_secret(environment_secret)
        return environment_secret.encode()
    try:
        code = _read(file)
        if code is None:
            _make(file)
            code = _read(file)
    except OSError as error:
        raise EngineError(
            f"The secret that signs voters cannot be kept in {file} ({error.strerror}). "
            "Set SELMA_SECRET instead, or free some space."
        ) from error
    if code is None:
        raise EngineError(f"{file} does not keep what is written to it. Set SELMA_SECRET instead.")
    return code


def _check_secret(text: str) -> None:
    if len(text) < LEAST_SECRET_LETTERS:
        raise EngineError(
            f"SELMA_SECRET has {len(text)} letters and can be guessed. Set it to "
            f"{LEAST_SECRET_LETTERS} random ones at least, or leave it out."
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
        if not _link(name, file) and _read(file) is None:  # it was cut short, or no links
            os.replace(name, file)
    finally:
        Path(name).unlink(missing_ok=True)


def _link(name: str, file: Path) -> bool:
    """Make `file` what `name` is; False where it is there already, or links are not."""
    try:
        os.link(name, file)
    except OSError:
        return False
    return True


def _bytes(text: str) -> bytes:
    """JSON can hold half a character, which is no text to UTF-8."""
    return text.encode("utf-8", "surrogatepass")


def _letters(code: bytes) -> str:
    return base64.urlsafe_b64encode(code).decode().rstrip("=")
