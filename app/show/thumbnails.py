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


class InlinePicture(NamedTuple):
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


def whole(image: Image.Image) -> InlinePicture:
    """Every pixel as it is."""
    return _inline(image, max(image.size) <= SMALL_PIXELS, "PNG")


def thumbnail(file: Path) -> InlinePicture | None:
    """A small copy; None when the file is gone or half written."""
    try:
        return _thumbnail(file, file.stat().st_mtime_ns)
    except (OSError, EngineError):
        return None


def img(picture: InlinePicture | None, alt: str) -> str:
    """The tag, or an empty frame of the same size."""
    if picture is None:
        return '<div class="frame"></div>'
    kind = "picture small" if picture.small else "picture"
    text = escape(alt)
    return (
        f'<img class="{kind}" src="{picture.address}" alt="{text}" title="{text}" '
        'draggable="false">'
    )


@lru_cache(REMEMBERED)
def _thumbnail(file: Path, _changed_at: int) -> InlinePicture:
    image = bare(file)
    small = max(image.size) <= SMALL_PIXELS
    image.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS), Image.Resampling.LANCZOS)
    return _inline(image, small, "WEBP", quality=90)


def _inline(image: Image.Image, small: bool, kind: str, **options: int) -> InlinePicture:
    """The picture as a data address."""
    data = io.BytesIO()
    image.save(data, kind, **options)
    text = base64.b64encode(data.getvalue()).decode()
    return InlinePicture(f"data:image/{kind.lower()};base64,{text}", small)
