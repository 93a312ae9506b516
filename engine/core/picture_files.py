"""Picture files as pixels, whoever made them: what is damaged or far too large is told by name."""

import struct
from pathlib import Path

import numpy as np
from PIL import Image

from engine.core.errors import EngineError

MOST_PIXELS = 89_478_485
"""A picture of more is not opened: it takes a quarter of a gigabyte. PIL warns from here on."""
BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
BROKEN = (OSError, SyntaxError, ValueError, EOFError, LookupError, OverflowError, struct.error)
"""What PIL's readers raise for damaged files; SyntaxError is a broken PNG's."""
AGAIN = "Delete it and run the stage that painted it again"


def read(file: Path, remedy: str = AGAIN) -> Image.Image:
    """The RGB pixels of a file and nothing else of it: no metadata, no colour profile.

    Raises EngineError, naming the file, where it is missing, damaged (then with the remedy) or
    larger than `MOST_PIXELS`.
    """
    try:
        with Image.open(file) as opened:
            _check_size(file, opened.size)
            return Image.fromarray(np.asarray(opened.convert("RGB")))
    except BOMBS as error:  # PIL has a limit of its own, which would only confuse
        raise _too_large(file) from error
    except BROKEN as error:
        raise EngineError(f"{file} is damaged ({error}). {remedy}.") from error


def _check_size(file: Path, size: tuple[int, int]) -> None:
    width, height = size
    if width * height > MOST_PIXELS:
        raise _too_large(file)


def _too_large(file: Path) -> EngineError:
    return EngineError(
        f"{file} is too large: it has more than {MOST_PIXELS:,} pixels. "
        "Make it smaller, or delete it."
    )
