"""Paths that people wrote, and texts and JSON read so that whatever is wrong with them is told."""

import json
import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

from engine.core.errors import EngineError
from engine.core.misfits import DEEPEST, TOO_DEEP, check_depth, is_unicode, shortened
from engine.core.open_records import Open
from engine.core.type_checks import Record, reader

SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def path_of(text: str | Path) -> Path:
    """A path that a person wrote, `~` resolved; whether anything is there is not asked.

    Raises EngineError for what no file system takes: nothing, a name too long, a folder that may
    not be entered.
    """
    if text == "":
        raise EngineError("There is no path in an empty text. Name a file or folder.")
    try:
        path = Path(text).expanduser()
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return path
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: `~nobody`
        why = error.strerror if isinstance(error, OSError) else error
        raise EngineError(
            f"{shortened(str(text))} is no path ({why}). Name another file or folder."
        ) from error
    return path


def read_text(path: Path, remedy: str) -> str:
    """A text in UTF-8, with or without a byte order mark.

    Raises FileNotFoundError or NotADirectoryError where there is none, EngineError for a folder,
    for what may not be read, and for bytes that are no text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except (FileNotFoundError, NotADirectoryError):
        raise
    except IsADirectoryError as error:
        raise EngineError(f"{path} is a folder where a file should be. {remedy}.") from error
    except OSError as error:
        raise EngineError(f"{path} cannot be read ({error.strerror}). {remedy}.") from error
    except ValueError as error:  # no UTF-8, or no path
        raise EngineError(
            f"{path} is damaged: it is no text in UTF-8 ({error}). {remedy}."
        ) from error


def record_of(line: str, kind: type[Record]) -> Record:
    """One record of its line. Raises ValueError, saying what is wrong with it."""
    read: Callable[[Any], Record] = reader(kind)  # type: ignore[arg-type]
    return read(parse_json(line))


def line_of(record: Any) -> str:
    """The line that `record_of` reads as this record, a dataclass."""
    return json.dumps(_by_name(record), ensure_ascii=False, default=_by_name)


def _by_name(record: Any) -> dict[str, Any]:
    """A record's values; the records among them have their own turn."""
    if isinstance(record, Open):
        return record.as_json()
    return {one.name: getattr(record, one.name) for one in fields(record)}


def parse_json(text: str) -> Any:
    """JSON. Raises ValueError for what is none, and for what nothing could show or write again."""
    try:
        value = json.loads(text)
    except RecursionError:
        raise TOO_DEEP from None
    if text.count("[") + text.count("{") > DEEPEST:
        check_depth(value)
    if SURROGATE.search(text) and not is_unicode(json.dumps(value, ensure_ascii=False)):
        raise ValueError("it holds half a character, a surrogate alone")
    return value
