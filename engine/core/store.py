"""The run folder: where each stage finds its input and leaves its output. Every write is atomic."""
import errno
import json
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from engine.core import imagefolder
from engine.core.errors import EngineError

Record = TypeVar("Record")
METADATA = "metadata.jsonl"
"""What a Hub `imagefolder` says of its pictures."""
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST)


@dataclass(frozen=True)
class Store:
    """Paths below one run folder, `runs/<run>/`."""

    folder: Path

    def prompts(self, skill: str) -> Path:
        return self.folder / "prompts" / f"{skill}.jsonl"

    def rejected(self, skill: str) -> Path:
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
    """A temporary path to write to; on success it is fsynced and renamed to `path`, on failure removed.

    The temporary name keeps the suffix, because writers like PIL choose the format by it.
    Raises EngineError when the disk is full or the folder cannot be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-", suffix=path.suffix)
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


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns what the file system refuses into an EngineError that says what to do."""
    try:
        yield
    except OSError as error:
        remedy = "Choose another folder" if error.errno in FORBIDDEN else "Free some space and start again"
        raise EngineError(f"Cannot write {path}: {error.strerror}. {remedy}; what was finished before is "
                          "kept.") from error


def write_text(path: Path, text: str) -> None:
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True) + "\n")


def read_json(path: Path) -> Any:
    """Raises EngineError when the file is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise EngineError(f"{path} is missing. Run the stage that writes it first.") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise EngineError(f"{path} is damaged ({error}). Delete it and run its stage again.") from error


def write_records(path: Path, records: Iterable[Any]) -> None:
    """One JSON object a line."""
    write_text(path, "".join(json.dumps(asdict(record), ensure_ascii=False) + "\n" for record in records))


def read_records(path: Path, kind: type[Record]) -> list[Record]:
    """The records of a file, or none when it does not exist yet. Raises EngineError for a damaged line."""
    known = {f.name for f in fields(kind)}  # type: ignore[arg-type]
    records = []
    try:
        text = path.read_text(encoding="utf-8").removesuffix("\n")  # not splitlines: U+2028 in a text ends no line
    except (FileNotFoundError, NotADirectoryError):
        return []
    except UnicodeDecodeError as error:
        raise EngineError(f"{path} is damaged ({error}). Delete it and run its stage again.") from error
    for number, line in enumerate(text.split("\n") if text else [], 1):
        try:
            values = json.loads(line)
            records.append(kind(**{name: value for name, value in values.items() if name in known}))
        except (json.JSONDecodeError, TypeError, AttributeError) as error:
            raise EngineError(f"{path}, line {number}, is damaged ({error}). Delete the line and run "
                              "again.") from error
    return records
