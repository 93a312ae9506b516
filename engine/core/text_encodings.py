"""Text files as editors and spreadsheets save them.

UTF-8, UTF-16 and UTF-32, with a byte order mark or without, and Windows-1252.
"""

import codecs
import re

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""UTF-32 first: its mark begins with UTF-16's."""
MOST_OF_A_HALF = 0.4
"""Share of zero bytes, among every second byte, that tells UTF-16 without a mark.

A Latin letter has one zero byte in UTF-16.
"""

_WESTERN = re.compile(
    "(?:[\x00-\x7f\u2018-\u201e\u2013\u2014\u2022\u2026\u20ac\xa0\xa3\xab\xbb\xb0\xbf\xa1\xd7]"
    "|(?<![\xc0-\xff\u0152\u0153\u0178]{2})[\xc0-\xd6\xd8-\xf6\xf8-\xff\u0152\u0153\u0178])*"
)
"""English quotes and dashes, and letters of Western Europe, never three in a row: what Windows-1252
is used for. Other scripts in its place (Russian, Greek) are nearly all such letters, and Central
European ones bring signs like \xb3.
"""
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f]")


class NotText(ValueError):
    """Why bytes are no text, and what to do.

    It is the end of a sentence that begins with the file's name.
    """


def decode(data: bytes) -> str:
    """The text of a file without its mark.

    Raises NotText for bytes that are none, or could be several texts.
    """
    text = _decoded(data)
    if control := _CONTROL.search(text):
        raise NotText(
            f" is no text: it holds the control character U+{ord(control[0]):04X}. "
            "Save it as a text file."
        )
    return text


def _decoded(data: bytes) -> str:
    encoding = _marked(data) or _unmarked(data)
    try:
        return data.decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        text = data.decode("cp1252", errors="replace")
        if not encoding and _WESTERN.fullmatch(text):
            return text
        line = data.count(b"\n", 0, error.start) + 1
        name = encoding.removesuffix("-sig").upper() or "UTF-8"
        byte = data[error.start]
        raise NotText(
            f", line {line}, is not {name} (byte 0x{byte:02X}). Save the file as UTF-8."
        ) from error


def _marked(data: bytes) -> str:
    """What the byte order mark says; "" where there is none."""
    for mark, encoding in MARKS:
        if data.startswith(mark):
            return encoding
    return ""


def _unmarked(data: bytes) -> str:
    """UTF-16 by its zero bytes; "" for everything else."""
    first, second = data[0::2], data[1::2]
    if _is_mostly_zero(first):
        return "utf-16-be"
    if _is_mostly_zero(second):
        return "utf-16-le"
    return ""


def _is_mostly_zero(half: bytes) -> bool:
    return bool(half) and half.count(0) > MOST_OF_A_HALF * len(half)
