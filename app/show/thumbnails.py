"""Pictures as the page shows them: inside the HTML, without a file name that could tell who painted
them.
"""

import base64
import io
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import NamedTuple

from PIL import Image

from engine.core import picture_files
from engine.core.errors import EngineError

THUMBNAIL_PIXELS = 256
SMALL_PIXELS = 128
REMEMBERED = 512


class Shown(NamedTuple):
    """A data address; a small picture is enlarged pixel by pixel, since smoothing would blur what
    was painted.
    """

    address: str
    small: bool


def bare(file: Path) -> Image.Image:
    """The pixels of a file and nothing else of it, no metadata, no colour profile. Raises
    EngineError.
    """
    return picture_files.read(file)


def whole(image: Image.Image) -> Shown:
    """Every pixel as it is."""
    return _shown(image, max(image.size) <= SMALL_PIXELS, "PNG")


def thumbnail(file: Path) -> Shown | None:
    """A small copy; None when the file is gone or half written."""
    try:
        return _thumbnail(file, file.stat().st_mtime_ns)
    except (OSError, EngineError):
        return None


def img(shown: Shown | None, alt: str) -> str:
    """The tag, or an empty frame of the same size."""
    if shown is None:
        return '<div class="frame"></div>'
    kind = "picture small" if shown.small else "picture"
    return f'<img class="{kind}" src="{shown.address}" alt="{escape(alt)}" title="{escape(alt)}" draggable="false">'


@lru_cache(REMEMBERED)
def _thumbnail(file: Path, _changed_at: int) -> Shown:
    image = bare(file)
    small = max(image.size) <= SMALL_PIXELS
    image.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS), Image.Resampling.LANCZOS)
    return _shown(image, small, "WEBP", quality=90)


def _shown(image: Image.Image, small: bool, kind: str, **options: int) -> Shown:
    written = io.BytesIO()
    image.save(written, kind, **options)
    return Shown(
        f"data:image/{kind.lower()};base64,{base64.b64encode(written.getvalue()).decode()}", small
    )
