"""What was painted in a folder, and what people have made of it since.

`painted.jsonl` keeps every picture as it was made. A file is trusted by its size and times, and is
read only where these moved; the record's own time says when the folder was last held against it.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from engine.core import imagefolder
from engine.core.errors import EngineError
from engine.core.hashing import file_hash
from engine.core.store import METADATA, Store, read_records, write_records
from engine.core.types import Picture, Prompt

RECORD = "painted.jsonl"
NAMED = 3
"""File names that a sentence holds."""


@dataclass(frozen=True)
class Original(Picture):
    """A picture as it was painted."""

    sha256: str = ""
    """Of the file; "" where it was gone already when the record began."""
    size: int = 0
    """Bytes."""
    shard: str = ""
    """Key of the shard that it was painted in."""

    @property
    def picture(self) -> Picture:
        return Picture(**{one.name: getattr(self, one.name) for one in fields(Picture)})


@dataclass(frozen=True)
class Current:
    """A picture as it lies there now, with its caption."""

    file: Path
    file_name: str
    """Within its folder."""
    text: str
    sha256: str
    row: int | None
    """Of the original; None for a picture that people added."""
    repainted: bool
    """Whether its file is not the one that was painted."""
    retold: bool
    """Whether its caption is not the one that was painted."""


@dataclass(frozen=True)
class Curated:
    """A folder as people left it."""

    pictures: list[Current]
    """The originals in their order, then what was added, in the order of metadata.jsonl."""
    gone: list[str]
    """Originals whose file or line in metadata.jsonl is not there any more."""
    unlisted: list[str]
    """Other pictures without a line, which therefore nobody reads."""

    @cached_property
    def repainted(self) -> list[str]:
        return [one.file_name for one in self.pictures if one.repainted and one.row is not None]

    @cached_property
    def retold(self) -> list[str]:
        return [one.file_name for one in self.pictures if one.retold and one.row is not None]

    @cached_property
    def added(self) -> list[str]:
        return [one.file_name for one in self.pictures if one.row is None]

    @property
    def is_edited(self) -> bool:
        return bool(self.gone or self.repainted or self.retold or self.added)

    def told(self) -> str:
        """What people did, for a sentence; "" for nothing."""
        kinds = {
            "taken out": self.gone,
            "replaced": self.repainted,
            "added": self.added,
            "with another caption": self.retold,
            "left out for want of a line in metadata.jsonl": self.unlisted,
        }
        done = {what: names for what, names in kinds.items() if names}
        return ", ".join(f"{len(names)} {what} ({listed(names)})" for what, names in done.items())


def listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def originals(folder: Path) -> list[Original]:
    """What the record says; nothing where there is none."""
    return read_records(folder / RECORD, Original)


def begin(folder: Path, shards: Sequence[str], recipe: Mapping[str, Any]) -> list[Original]:
    """The record of a folder that was painted before there were records: as it lies there now.

    `shards` names the shard of each row, `recipe` is what the weights' header says.
    """
    texts, lines = _prompts(folder, recipe), read_records(folder / METADATA, Picture)
    if len(lines) != len(shards):  # people took lines out; files are named by their rows
        known = {line.file_name: line for line in lines}
        names = [f"{row:05d}.png" for row in range(len(shards))]
        lines = [known.get(name, Picture(name)) for name in names]
    found = [
        original(folder, line, shard, texts.get(line.prompt_id, line.text))
        for line, shard in zip(lines, shards, strict=True)
    ]
    write_records(folder / RECORD, found)
    return found


def _prompts(folder: Path, recipe: Mapping[str, Any]) -> dict[str, str]:
    """The captions as they were painted, by prompt, while the prompts are still those."""
    file = Store(folder.parents[1]).prompts(imagefolder.skill_of(folder.name))
    if not file.is_file() or file_hash(file) != recipe.get("prompts' sha256"):
        return {}
    return {prompt.id: prompt.text for prompt in read_records(file, Prompt)}


def original(folder: Path, picture: Picture, shard: str, text: str | None = None) -> Original:
    """A picture that was painted just now, or that is taken for painted."""
    file = folder / picture.file_name
    sha256, size = (file_hash(file), file.stat().st_size) if file.is_file() else ("", 0)
    own = vars(picture) | {"text": picture.text if text is None else text}
    return Original(**own, sha256=sha256, size=size, shard=shard)


def curated(folder: Path, known: Sequence[Original]) -> Curated:
    """Hold the folder against its record.

    Raises EngineError for a line that names no file of the folder.
    """
    record, started_ns = folder / RECORD, time.time_ns()
    lines = read_records(folder / METADATA, Picture)
    checked_ns = record.stat().st_mtime_ns if record.exists() else 0
    rows = {one.file_name: row for row, one in enumerate(known)}
    found: dict[int, Current] = {}
    added: list[Current] = []
    for line in lines:
        file, row = inside(folder, line.file_name), rows.get(line.file_name)
        if not file.is_file():
            continue
        if row is None or row in found:
            sha256 = file_hash(file)
            added.append(Current(file, line.file_name, line.text, sha256, None, True, True))
            continue
        one = known[row]
        sha256 = one.sha256 if _untouched(file, one, checked_ns) else file_hash(file)
        changed = sha256 != one.sha256, line.text != one.text
        found[row] = Current(file, line.file_name, line.text, sha256, row, *changed)
    gone = [one.file_name for row, one in enumerate(known) if row not in found]
    listed_names = {line.file_name for line in lines} | set(rows)
    unlisted = sorted(
        path.name for path in folder.glob("[!.]*.png") if path.name not in listed_names
    )
    _say_checked(record, started_ns)
    return Curated([found[row] for row in sorted(found)] + added, gone, unlisted)


def inside(folder: Path, name: str) -> Path:
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
    found: dict[str, list[dict[str, Any]]] = {}
    if (folder / METADATA).exists():
        text = (folder / METADATA).read_text(encoding="utf-8").removesuffix("\n")
        for line in map(json.loads, text.split("\n") if text else []):
            found.setdefault(line["file_name"], []).append(line)
    return found


def _untouched(file: Path, one: Original, checked_ns: int) -> bool:
    """By size and times alone: what is moved here, even with an old date, has a new change time."""
    stat = file.stat()
    return stat.st_size == one.size and max(stat.st_mtime_ns, stat.st_ctime_ns) < checked_ns


def _say_checked(record: Path, started_ns: int) -> None:
    """Date the record, so that what was read now need not be read again.

    A second back, since file systems' clocks lag; where that cannot be written all is read again.
    """
    date_ns = started_ns - 10**9
    if record.exists() and record.stat().st_mtime_ns < date_ns:
        with suppress(PermissionError):
            os.utime(record, ns=(date_ns, date_ns))
