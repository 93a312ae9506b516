"""Pictures open as their pixels; damaged and monstrous ones are refused by name."""
import io
import random
import struct
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image

from engine.core import picture_files
from engine.core.errors import EngineError


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def huge_png(width, height):
    """A few bytes that say they are a picture of so many pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"")


@pytest.fixture
def noise():
    return Image.fromarray(np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8))


def test_pixels_alone_are_read(tmp_path, noise):
    noise.save(tmp_path / "a.png", pnginfo=None, dpi=(300, 300))
    noise.convert("L").save(tmp_path / "grey.png")
    read = picture_files.read(tmp_path / "a.png")
    assert (np.asarray(read) == np.asarray(noise)).all() and not read.info
    assert picture_files.read(tmp_path / "grey.png").mode == "RGB"


@pytest.mark.parametrize("side", [9_460, 13_400, 60_000])
def test_a_bomb_is_too_large_and_not_opened(tmp_path, side):
    """Past the limit, past where PIL warns, past where it refuses."""
    file = tmp_path / "bomb.png"
    file.write_bytes(huge_png(side, side))
    for action in ("error", "ignore"):
        with warnings.catch_warnings():
            warnings.simplefilter(action)
            with pytest.raises(EngineError, match=r"bomb\.png is too large.* 89,478,485"):
                picture_files.read(file)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF"])
def test_whatever_is_broken_is_an_error_of_ours(tmp_path, noise, kind):
    """Cut at any byte, or with bytes of its own replaced: PIL raises half a dozen kinds."""
    written, rng, file, refused = io.BytesIO(), random.Random(0), tmp_path / "broken", 0
    noise.save(written, kind)
    for _ in range(150):
        broken = bytearray(written.getvalue())
        for _ in range(rng.randrange(1, 5)):
            broken[rng.randrange(min(len(broken), 80))] = rng.randrange(256)
        file.write_bytes(broken[:rng.randrange(len(broken)) if rng.random() < 0.4 else None])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                picture_files.read(file)
            except EngineError as error:
                refused += str(file) in str(error)
    assert refused > 50


def test_what_is_no_file_is_told(tmp_path):
    for name in (".", "gone.png"):
        with pytest.raises(EngineError, match="damaged"):
            picture_files.read(tmp_path / name)
