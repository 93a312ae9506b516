"""The run folder: where each stage finds its input and leaves its output. Every write is atomic."""

import errno
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile
from typing import Any

import psutil

from engine.core import imagefolder
from engine.core.errors import EngineError
from engine.core.files import line_of, parse_json, read_text, record_of
from engine.core.misfits import Misfit
from engine.core.type_checks import Record, checker

AGAIN = "Delete it and run its stage again"
LINE_AGAIN = "Delete the line and run again"
METADATA = "metadata.jsonl"
"""What a Hub `imagefolder` says of its pictures."""
WRITING = ".writing-"
"""How the names of files begin that are being written, before the number of the process."""
CLOCK_SECONDS = 1.0
"""How coarse a file system's times may be."""
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST)


@dataclass(frozen=True)
class Store:
    """Paths below one run folder, `runs/<run>/`."""

    folder: Path

    def prompts(self, skill: str) -> Path:
        return self.folder / "prompts" / f"{skill}.jsonl"

    def rejections(self, skill: str) -> Path:
        return self.folder / "prompts" / f"{skill}.rejected.jsonl"

    def images(self, skill: str) -> Path:
        """A skill's pictures, in a folder that the Hub's `imagefolder` opens with the others."""
        plain = self.folder / "images" / skill
        if plain.is_dir():  # made before names were chosen so
            return plain
        return self.folder / "images" / imagefolder.folder_name(skill)

    def expert(self, name: str) -> Path:
        return self.folder / "experts" / name

    def merge(self, name: str) -> Path:
        return self.folder / "merges" / name

    def scores(self, model: str, judge: str) -> Path:
        return self.folder / "scores" / model / f"{judge}.jsonl"

    def pictures(self, model: str) -> Path:
        """Evaluation pictures of one model, beside its scores."""
        return self.folder / "scores" / model / "pictures"

    def job(self, name: str) -> Path:
        return self.folder / "jobs" / name


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A temporary path to write to: synced and renamed to `path` on success, removed on failure.

    The temporary name keeps the suffix, because writers like PIL choose the format by it.
    Raises EngineError when the disk is full or the folder cannot be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=f"{WRITING}{os.getpid()}-", suffix=path.suffix
        )
        os.close(handle)
    temporary = Path(name)
    try:
        with writing(path):
            yield temporary
            with open(temporary, "rb") as written:
                os.fsync(written.fileno())
            temporary.chmod(0o644)
            os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def clear_leftovers(folder: Path) -> None:
    """Remove what processes that are gone were writing when they were killed, at any depth."""
    for path in folder.rglob(f"{WRITING}*"):
        if not _is_being_written(path):
            path.unlink(missing_ok=True)


def _is_being_written(path: Path) -> bool:
    """Whether the writer lives.

    A process that began after the file's last change is another one with the writer's number.
    """
    number = path.name.removeprefix(WRITING).partition("-")[0]
    try:
        began = psutil.Process(int(number)).create_time()
        return began <= path.stat().st_mtime + CLOCK_SECONDS
    except (psutil.Error, ValueError, OverflowError, FileNotFoundError):
        return False


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns what the file system refuses into an EngineError that says what to do."""
    try:
        yield
    except OSError as error:
        remedy = (
            "Choose another folder"
            if error.errno in FORBIDDEN
            else "Free some space and start again"
        )
        raise EngineError(
            f"Cannot write {path}: {error.strerror}. {remedy}; what was finished before is kept."
        ) from error


def copy(source: Path, target: Path) -> None:
    """A file's bytes, whole or not at all.

    Raises EngineError where there is no such file, and when the disk is full.
    """
    if not source.is_file():
        raise EngineError(f"There is no file {source} any more. Choose another one.")
    with atomic(target) as temporary:
        copyfile(source, temporary)


def write_text(path: Path, text: str) -> None:
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) + "\n")


def read_json(path: Path, remedy: str = AGAIN) -> Any:
    """Raises EngineError when the file is missing or damaged."""
    try:
        return parse_json(read_text(path, remedy))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise EngineError(f"{path} is missing. Run the stage that writes it first.") from error
    except ValueError as error:
        raise EngineError(f"{path} is damaged ({error}). {remedy}.") from error


def read_object(path: Path, remedy: str = AGAIN, **hints: Any) -> dict[str, Any]:
    """The JSON object of a file, the values it must hold checked by their type hints.

    Others stay as they are. A name whose hint allows None may be missing, and is None then. Raises
    EngineError that names what does not fit.
    """
    content = read_json(path, remedy)
    try:
        values = dict(checker(dict)(content))
        for name, hint in hints.items():
            values[name] = _value(values, name, hint)
        return values
    except Misfit as error:
        raise EngineError(f"{path} is damaged ({error}). {remedy}.") from error


def write_records(path: Path, records: Iterable[Any]) -> None:
    """One JSON object per line."""
    lines = [f"{line_of(record)}\n" for record in records]
    write_text(path, "".join(lines))


def read_records(
    path: Path, kind: type[Record], remedy: str = "", fault: Callable[[Record], str] | None = None
) -> list[Record]:
    """The records of a file, or none when it does not exist yet; every field is held to its type.

    `fault` says what else is wrong with a record, or ""; `remedy` is for files that no stage has
    written.

    Raises EngineError that names the line and the field of a damaged one.
    """
    records = []
    try:
        text = read_text(path, remedy or AGAIN)
    except (FileNotFoundError, NotADirectoryError):
        return []
    # not splitlines: U+2028 in a text ends no line
    for number, line in enumerate(text.split("\n"), 1):
        if not line or line.isspace():
            continue
        try:
            record = record_of(line, kind)
            if fault and (complaint := fault(record)):
                raise Misfit(complaint)
        except ValueError as error:
            raise EngineError(
                f"{path}, line {number}, is damaged ({error}). {remedy or LINE_AGAIN}."
            ) from error
        records.append(record)
    return records


def _value(values: dict[str, Any], name: str, hint: Any) -> Any:
    try:
        return checker(hint)(values.get(name))
    except Misfit as misfit:
        if name not in values:
            raise Misfit("is missing", place=(name,)) from None
        raise misfit.at_place(name) from None
