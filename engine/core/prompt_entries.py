"""What stands in a file of prompts, entry by entry, whatever shape the file has.

engine.core.prompt_files makes prompts of the entries.
"""

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
    """The entries of a file whose name ends in `suffix`.

    Raises Unclear, also while they are read.
    """
    if suffix in TABLES:
        return _rows(text, TABLES[suffix])
    lines = _lines(text)
    first = text.lstrip()[:1]
    if not first or first not in '[{"':
        return _plain(lines)
    value, fault = _parsed(text)
    if not fault:
        return _whole(value)
    if _is_text(text, suffix, lines):
        return _plain(lines)
    if first == "[":
        raise Unclear(f" is no JSON list ({fault}). Correct it, or write an object per line.")
    return _json_lines(lines, fault)


def _lines(text: str) -> list[Entry]:
    """Those that are not blank, with their numbers in the file."""
    lines = []
    for number, line in enumerate(_LINE_ENDS.split(text), 1):
        if line.strip():
            lines.append((f", line {number},", line))
    return lines


def text_key(values: Mapping[str, Any]) -> str:
    """The name under which an entry keeps its prompt, as it is written there; "" for none."""
    names = {str(name).strip().lower(): name for name in values}
    for key in TEXT_KEYS:
        if key in names:
            return str(names[key])
    return ""


def _whole(value: Any) -> Iterator[Entry]:
    """Of one JSON value: a list, an object that holds one list, or a single prompt."""
    if isinstance(value, dict):
        lists = [inner for inner in value.values() if isinstance(inner, list)]
        is_prompt = isinstance(value.get(text_key(value)), str)
        if len(lists) == 1 and not is_prompt:
            value = lists[0]
    values = value if isinstance(value, list) else [value]
    for number, one in enumerate(values, 1):
        yield f", prompt {number},", one


def _json_lines(lines: list[Entry], fault: str) -> Iterator[Entry]:
    if len(lines) > 1 and not _is_json(lines[0][1]):
        raise Unclear(f" is no JSON ({fault}). Correct it, or write an object per line.")
    for where, line in lines:
        value, fault = _parsed(line)
        if fault:
            raise Unclear(f"{where} is no JSON ({fault}). Correct that line, or take it out.")
        yield where, value


def _is_text(text: str, suffix: str, lines: list[Entry]) -> bool:
    """Whether lines that begin like JSON are prompts that happen to begin so."""
    are_json = (_is_json(line) for _, line in lines)
    if text.lstrip().startswith('"'):
        return not all(are_json)
    return suffix == PLAIN and not _LIKE_JSON.match(text) and not any(are_json)


def _plain(lines: list[Entry]) -> Iterator[Entry]:
    """A prompt per line; if one is an object, the others were meant to be."""
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
        _check_columns([name for name in table.fieldnames or [] if name])
        for number, row in enumerate(table, 1):
            if values := _values(row):
                yield f", row {number},", values
    except csv.Error as error:
        raise Unclear(f" is no table ({error}). Save it as CSV again.") from error


def _check_columns(names: list[str]) -> None:
    if not names or text_key(dict.fromkeys(names)):
        return
    columns = _short(", ".join(names))
    raise Unclear(f" has no column of prompts, only {columns}. Call one text or prompt.")


def _values(row: Mapping[Any, Any]) -> dict[str, Any]:
    """What a row holds under names; csv puts the cells beyond the header under None."""
    values = {}
    for name, value in row.items():
        if isinstance(name, str) and value:
            values[name] = value
    return values


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
