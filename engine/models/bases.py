"""Which base, and how it reads texts: what every stage that opens one is told."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from engine.models import encoders


class Base(NamedTuple):
    """A checkpoint with the encoder that makes conditions of texts."""

    model: str
    """A name that ships, a folder or a Hub id."""
    revision: str | None = None
    encoder: str = encoders.NATIVE


def record_of(base: Base, sha256: str) -> dict[str, Any]:
    """What an expert's recipe says of the base that it changes."""
    model, revision, encoder = base
    weights = {"model": model, "revision": revision, "sha256": sha256}
    return weights | encoders.record_of(encoder)


def encoder_of(record: Mapping[str, Any]) -> str:
    """The encoder in a recipe, or in what it says of its base."""
    return str(record.get("encoder") or encoders.NATIVE)
