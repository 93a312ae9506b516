"""How texts become conditions. To add a way, add a file with `encode`; nothing is registered.

`encode(read, texts) -> Conditions` gives a row for each text. `read(texts)` is how the base's own
text encoders read texts, whatever family it is of; an encoder may call it with other texts, such
as sentences, and put the results together. The file's name is the encoder's, which every stage with
a base takes as its option `encoder`, and part of what identifies everything that was made from its
conditions.
"""

import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol, cast

from engine.core import plugins

if TYPE_CHECKING:
    from engine.models.conditions import Conditions

NATIVE = "native"
"""The encoder of all work that names none."""

Reader = Callable[[Sequence[str]], "Conditions"]


class Encoder(Protocol):
    """What a file of this folder provides."""

    @staticmethod
    def encode(read: Reader, texts: Sequence[str]) -> "Conditions":
        """A row for each text."""


def load(name: str) -> Encoder:
    """One encoder by name. Raises EngineError for one that is none."""
    return cast(Encoder, plugins.load(sys.modules[__name__], name))


def record_of(encoder: str) -> dict[str, str]:
    """What records say of an encoder: nothing of the native one, as before there were others."""
    return {} if encoder == NATIVE else {"encoder": encoder}


def identity(fingerprint: str, encoder: str) -> str:
    """Which weights read the texts, and how; of the native encoder the weights' hash alone."""
    return fingerprint if encoder == NATIVE else f"{fingerprint} {encoder}"
