"""What experts, merges, grids, searches and skills may be called: it becomes a folder or a file."""

import re

from engine.core.errors import EngineError

NAME = re.compile(r"[^\W_][\w.+-]*")
MOST_CHARACTERS = 64
MOST_SHOWN = 40
MOST_BYTES = 200
"""File systems take 255; a suffix and the mark of a file that is being written need some."""
PORTS = [f"{port}{number}" for port in ("com", "lpt") for number in range(1, 10)]
RESERVED = {"con", "prn", "aux", "nul", *PORTS}
"""Windows keeps these for devices, whatever follows after a dot."""


def check(name: str, what: str) -> str:
    """The name itself.

    Raises EngineError for one that leads out of its folder, or that later stages refuse.
    """
    is_plain = isinstance(name, str) and NAME.fullmatch(name)
    if not is_plain:
        raise _unfit(name, what)
    return check_file(name, what)


def check_file(name: str, what: str, most: int = MOST_CHARACTERS) -> str:
    """The name itself, which may hold spaces.

    Raises EngineError for one that file systems do not take.
    """
    bytes_long = len(name.encode(errors="replace"))
    if len(name) > most or bytes_long > MOST_BYTES:
        raise EngineError(
            f"{_short(name)} is too long for the name of {what}. Use {most} letters at most."
        )
    leads_elsewhere = "/" in name or "\\" in name
    if leads_elsewhere or not name.isprintable() or name[:1] in (".", " ", ""):
        raise _unfit(name, what)
    if name[-1] in (".", " "):
        raise EngineError(
            f"{_short(name)} cannot be the name of {what}: Windows drops its end. "
            "End it in a letter."
        )
    stem = name.partition(".")[0]
    if stem.lower() in RESERVED:
        raise EngineError(
            f"{_short(name)} cannot be the name of {what}: Windows keeps it for a "
            "device. Choose another."
        )
    return name


def _unfit(name: object, what: str) -> EngineError:
    return EngineError(
        f"{_short(name)} cannot be the name of {what}. Use letters, digits and dashes."
    )


def _short(name: object) -> str:
    if isinstance(name, str) and len(name) > MOST_SHOWN:
        return repr(f"{name[:MOST_SHOWN]}…")
    return repr(name)
