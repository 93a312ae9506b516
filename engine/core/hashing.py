"""sha256 of a file, and seeds drawn by it."""

import hashlib
from pathlib import Path


def file_hash(path: Path) -> str:
    """sha256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def derived_seed(*parts: object) -> int:
    """A 32-bit seed from a seed and what it is for, such as a prompt's id and a number.

    The same parts give the same seed on every machine. 32 bits, because torch's CPU generator uses
    no more and JavaScript keeps no more than 53.
    """
    text = "/".join(map(str, parts))
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:4], "big")
