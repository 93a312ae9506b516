"""What stands in a file of prompts, entry by entry, whatever shape the file has; see prompt_files."""

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

TEXT_KEYS = ("text", "prompt", "caption", "prompts", "description")
"""Under which an entry keeps its prompt, the first that is there; "prompts" is a column of
DrawBench's CSV.
"""
TABLES = {".csv": ",", ".tsv": "\t"}
PLAIN = ".txt"

_LINE_ENDS = re.compile(r"\r\n|\n|\r")
"""Not U+2028, which a text may hold."""

_LIKE_JSON = re.compile(r'\s*[\[{]\s*["\[{]')
"""How JSON begins, and hardly ever a text with a bracket."""

_JSON = json.JSONDecoder(strict=False)

Entry = tuple[str, Any]
"""Where it stands in the file, as a part of a sentence, and what stands there."""


class Unclear(ValueError):
    """What is wrong and what to do, as the end of a sentence that begins with the file's name."""


def entries(text: str, suffix: str) -> Iterator[Entry]:
    """The entries of a file whose name ends in `suffix`. Raises Unclear, also while they are read."""
    if suffix in TABLES:
        return _rows(text, TABLES[suffix])
    lines = [
        (f", line {number},", line)
        for number, line in enumerate(_LINE_ENDS.split(text), 1)
        if line.strip()
    ]
    first = text.lstrip()[:1]
    if not first or first not in '[{"':
        return _plain(lines)
    value, fault = _parsed(text)
    if not fault:
        return _whole(value)
    if _is_text(text, suffix, [line for _, line in lines]):
        return _plain(lines)
    if first == "[":
        raise Unclear(f" is no JSON list ({fault}). Correct it, or write an object a line.")
    return _json_lines(lines, fault)


def text_key(values: Mapping[str, Any]) -> str:
    """The name under which an entry keeps its prompt, as it is written there; "" where it has none."""
    names = {str(name).strip().lower(): name for name in values}
    return next((str(names[key]) for key in TEXT_KEYS if key in names), "")


def _whole(value: Any) -> Iterator[Entry]:
    """Of one JSON value: a list, an object that holds one list, or a single prompt."""
    inside = value.values() if isinstance(value, dict) else []
    lists = [one for one in inside if isinstance(one, list)]
    if len(lists) == 1 and not isinstance(value.get(text_key(value)), str):
        value = lists[0]
    values = value if isinstance(value, list) else [value]
    return ((f", prompt {number},", one) for number, one in enumerate(values, 1))


def _json_lines(lines: list[Entry], fault: str) -> Iterator[Entry]:
    if len(lines) > 1 and not _is_json(lines[0][1]):
        raise Unclear(f" is no JSON ({fault}). Correct it, or write an object a line.")
    for where, line in lines:
        value, fault = _parsed(line)
        if fault:
            raise Unclear(f"{where} is no JSON ({fault}). Correct that line, or take it out.")
        yield where, value


def _is_text(text: str, suffix: str, lines: list[str]) -> bool:
    """Whether lines that begin like JSON are prompts that happen to begin so."""
    if text.lstrip().startswith('"'):
        return not all(map(_is_json, lines))
    return suffix == PLAIN and not _LIKE_JSON.match(text) and not any(map(_is_json, lines))


def _plain(lines: list[Entry]) -> Iterator[Entry]:
    """A prompt a line; if one is an object, the others were meant to be."""
    for where, line in lines:
        if line.lstrip().startswith("{") and _is_json(line):
            raise Unclear(
                f"{lines[0][0]} is no JSON, but{where.strip(',')} is. "
                "Write every line the same way."
            )
        yield where, line.strip()


def _rows(text: str, delimiter: str) -> Iterator[Entry]:
    header = text.split("\n", 1)[0]
    if delimiter == "," and "," not in header and ";" in header:
        delimiter = ";"  # as spreadsheets save it where the comma is in numbers
    table = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        names = [name for name in table.fieldnames or [] if name]
        if names and not text_key(dict.fromkeys(names)):
            raise Unclear(
                f" has no column of prompts, only {_short(', '.join(names))}. "
                "Call one text or prompt."
            )
        for number, row in enumerate(table, 1):
            named = ((name, value) for name, value in row.items() if isinstance(name, str))
            if given := {name: value for name, value in named if value}:
                yield f", row {number},", given
    except csv.Error as error:
        raise Unclear(f" is no table ({error}). Save it as CSV again.") from error


def _parsed(text: str) -> tuple[Any, str]:
    """The value, and "" or why there is none."""
    try:
        return _JSON.decode(text), ""
    except RecursionError:
        return None, "nested too deeply"
    except ValueError as error:  # of a number with thousands of digits, too
        return None, str(error)


def _is_json(line: str) -> bool:
    return not _parsed(line)[1]


def _short(text: str) -> str:
    return text if len(text) <= 80 else f"{text[:77]}..."
