"""What was painted in a folder, and what people have made of it since.

`painted.jsonl` keeps every picture as it was made. A file is trusted by its size and times, and is
read only where these moved; the record's own time says when the folder was last held against it.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any

from engine.core import imagefolder
from engine.core.edited_pictures import CuratedFolder, Current, Original
from engine.core.errors import EngineError
from engine.core.hashing import file_hash
from engine.core.store import METADATA, Store, read_records, write_records
from engine.core.types import Picture, Prompt

RECORD = "painted.jsonl"


def originals(folder: Path) -> list[Original]:
    """What the record says; nothing where there is none."""
    return read_records(folder / RECORD, Original)


def begin(folder: Path, shards: Sequence[str], recipe: Mapping[str, Any]) -> list[Original]:
    """The record of a folder that was painted before there were records: as it lies there now.

    `shards` names the shard of each row, `recipe` is what the weights' header says.
    """
    texts = _captions(folder, recipe)
    lines = read_records(folder / METADATA, Picture)
    if len(lines) != len(shards):  # people took lines out; files are named by their rows
        lines = _lines_by_row(lines, len(shards))
    record = []
    for line, shard in zip(lines, shards, strict=True):
        text = texts.get(line.prompt_id, line.text)
        record.append(original(folder, line, shard, text))
    write_records(folder / RECORD, record)
    return record


def _lines_by_row(lines: Sequence[Picture], rows: int) -> list[Picture]:
    """A line for each of so many files, an empty one where there is none."""
    by_name = {line.file_name: line for line in lines}
    whole = []
    for row in range(rows):
        name = f"{row:05d}.png"
        whole.append(by_name.get(name, Picture(name)))
    return whole


def _captions(folder: Path, recipe: Mapping[str, Any]) -> dict[str, str]:
    """The captions as they were painted, by prompt, while the prompts are still those."""
    file = Store(folder.parents[1]).prompts(imagefolder.skill_of(folder.name))
    if not file.is_file() or file_hash(file) != recipe.get("prompts' sha256"):
        return {}
    return {prompt.id: prompt.text for prompt in read_records(file, Prompt)}


def original(folder: Path, picture: Picture, shard: str, text: str | None = None) -> Original:
    """A picture that was painted just now, or that is taken for painted."""
    file = folder / picture.file_name
    values = {**vars(picture), "shard": shard}
    if text is not None:
        values["text"] = text
    if file.is_file():
        values |= {"sha256": file_hash(file), "size": file.stat().st_size}
    return Original(**values)


def curated_folder(folder: Path, known: Sequence[Original]) -> CuratedFolder:
    """Hold the folder against its record.

    Raises EngineError for a line that names no file of the folder.
    """
    record, started_ns = folder / RECORD, time.time_ns()
    lines = read_records(folder / METADATA, Picture)
    checked_ns = record.stat().st_mtime_ns if record.exists() else 0
    rows = {one.file_name: row for row, one in enumerate(known)}
    by_row: dict[int, Current] = {}
    added: list[Current] = []
    for line in lines:
        file, row = path_inside(folder, line.file_name), rows.get(line.file_name)
        if not file.is_file():
            continue
        if row is None or row in by_row:
            added.append(_added(file, line))
        else:
            by_row[row] = _current(file, line, row, known[row], checked_ns)
    originals = [by_row[row] for row in sorted(by_row)]
    gone = [one.file_name for row, one in enumerate(known) if row not in by_row]
    unlisted = _pictures(folder) - {line.file_name for line in lines} - set(rows)
    _date_check(record, started_ns)
    return CuratedFolder(originals + added, gone, sorted(unlisted))


def _added(file: Path, line: Picture) -> Current:
    sha256 = file_hash(file)
    return Current(file, line.file_name, line.text, sha256, None, repainted=True, recaptioned=True)


def _current(file: Path, line: Picture, row: int, one: Original, checked_ns: int) -> Current:
    """An original as it is now; its file is read where it may have changed since the last check."""
    sha256 = one.sha256 if _is_untouched(file, one, checked_ns) else file_hash(file)
    return Current(
        file,
        line.file_name,
        line.text,
        sha256,
        row,
        repainted=sha256 != one.sha256,
        recaptioned=line.text != one.text,
    )


def _pictures(folder: Path) -> set[str]:
    return {path.name for path in folder.glob("[!.]*.png")}


def path_inside(folder: Path, name: str) -> Path:
    """A file of the folder. Raises EngineError for a name that leads out of it."""
    path = PurePosixPath(name.replace("\\", "/"))
    if not name or path.is_absolute() or ".." in path.parts or ":" in name:
        raise EngineError(
            f"{folder / METADATA} names {name!r}, which is no file of its folder. "
            "Correct that line."
        )
    return folder / name


def lines_by_file(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The lines of metadata.jsonl with all that people wrote, by file name."""
    read_records(folder / METADATA, Picture)  # says at once which line is damaged
    by_file: dict[str, list[dict[str, Any]]] = {}
    if not (folder / METADATA).exists():
        return by_file
    text = (folder / METADATA).read_text(encoding="utf-8").removesuffix("\n")
    for line in text.split("\n") if text else []:
        values = json.loads(line)
        by_file.setdefault(values["file_name"], []).append(values)
    return by_file


def _is_untouched(file: Path, one: Original, checked_ns: int) -> bool:
    """By size and times alone: what is moved here, even with an old date, has a new change time."""
    stat = file.stat()
    changed_ns = max(stat.st_mtime_ns, stat.st_ctime_ns)
    return stat.st_size == one.size and changed_ns < checked_ns


def _date_check(record: Path, started_ns: int) -> None:
    """Date the record by this check, so that what was read now need not be read again.

    A second back, since file systems' clocks lag; where that cannot be written all is read again.
    """
    date_ns = started_ns - 10**9
    if record.exists() and record.stat().st_mtime_ns < date_ns:
        with suppress(PermissionError):
            os.utime(record, ns=(date_ns, date_ns))
