"""How long a prompt may be, wherever it comes from: a box, a file, a recipe."""

from collections.abc import Iterable

from engine.core.errors import EngineError

MOST_CHARACTERS = 5000
"""Text encoders that read longest (T5's 512 tokens) stop well before."""


def check(texts: Iterable[str]) -> None:
    """Raises EngineError for a text that no model reads to its end."""
    for text in texts:
        if len(text) > MOST_CHARACTERS:
            raise EngineError(
                f"A prompt of {len(text):,} characters is longer than any model reads: "
                f"{text[:40]!r} and so on. Write {MOST_CHARACTERS:,} at most."
            )
