"""The files of a skill's pairs, and what a line of them holds."""

from dataclasses import dataclass
from pathlib import Path

from engine.core.store import Store, read_records
from engine.core.types import file_fault

OWN_REMEDY = "Correct that line, or delete the file and name a judge"


@dataclass(frozen=True)
class Pair:
    """Two pictures of one prompt; `better` and `worse` are file names in the skill's folder."""

    prompt_id: str
    skill: str
    better: str
    worse: str
    judge: str = ""
    margin: float = 0.0
    """By how much the better one scores higher."""

    def fault(self) -> str:
        """What makes it no pair, or ""."""
        if self.better == self.worse:
            return f"better and worse are both {self.better[:80]!r}"
        return file_fault(self.better) or file_fault(self.worse)


@dataclass(frozen=True)
class Grade:
    """What the judge said of one picture; None is a text that it cannot read."""

    file_name: str
    value: float | None


@dataclass(frozen=True)
class Folder:
    """Of one skill's pairs."""

    path: Path

    @property
    def pairs(self) -> Path:
        return self.path / "pairs.jsonl"

    @property
    def grades(self) -> Path:
        return self.path / "scores.jsonl"

    @property
    def recipe(self) -> Path:
        return self.path / "recipe.json"

    def read(self) -> list[Pair]:
        """Raises EngineError that names the line of a damaged one."""
        return read_records(self.pairs, Pair, OWN_REMEDY, Pair.fault)


def folder(store: Store, skill: str) -> Folder:
    return Folder(store.folder / "pairs" / skill)
