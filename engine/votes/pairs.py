"""The pairs of a run to vote on: two models' evaluation pictures of one prompt and seed."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from pathlib import Path

from engine.core.hashing import file_hash
from engine.core.store import METADATA, Store, read_records
from engine.core.types import Picture

MOST_CACHED = 16
"""Runs, or duels of a run, that are remembered."""
Stamps = tuple[tuple[int, int], ...]
"""When files were changed, in nanoseconds, and their sizes in bytes."""


@dataclass(frozen=True)
class Side:
    """One model's picture of a prompt."""

    model: str
    seed: int
    file: Path
    sha256: str


@dataclass(frozen=True)
class Pair:
    """Two models' pictures of one prompt and seed; `first` is the earlier by name."""

    prompt_id: str
    prompt: str
    first: Side
    second: Side

    @property
    def id(self) -> str:
        """The same in every process and run, and another one where a picture is painted anew."""
        parts = [self.prompt_id]
        for side in (self.first, self.second):
            parts.append(f"{side.model}\x1f{side.seed}\x1f{side.sha256}")
        return hashlib.sha256("\x1e".join(parts).encode()).hexdigest()


def all_pairs(store: Store, models: Sequence[str] = ()) -> Sequence[Pair]:
    """Every pair of the run, of `models` or of all; without pictures that are gone.

    Read once, and again as soon as a picture changes.
    """
    return _all_pairs(store.folder, tuple(models), stamps(store))


def stamps(store: Store) -> Stamps:
    """Another value as soon as any evaluation picture or its metadata changes."""
    collected = []
    for path in sorted(store.folder.glob("scores/*/pictures/[!.]*")):
        with suppress(FileNotFoundError):  # replaced at this moment
            status = path.stat()
            collected.append((status.st_mtime_ns, status.st_size))
    return tuple(collected)


@lru_cache(MOST_CACHED)
def _all_pairs(folder: Path, models: tuple[str, ...], _stamps: Stamps) -> Sequence[Pair]:
    pairs = []
    for (prompt_id, text, _), sides in _sides(folder, models).items():
        for first, second in combinations(sides, 2):
            pairs.append(Pair(prompt_id, text, first, second))
    return tuple(pairs)


def _sides(folder: Path, models: Sequence[str]) -> dict[tuple[str, str, int], list[Side]]:
    """Pictures by prompt, text and seed, those of one model after the other's."""
    sides: dict[tuple[str, str, int], list[Side]] = defaultdict(list)
    for pictures in sorted(folder.glob("scores/*/pictures")):
        model = pictures.parent.name
        if models and model not in models:
            continue
        for picture in read_records(pictures / METADATA, Picture):
            file = pictures / picture.file_name
            if file.is_file():
                side = Side(model, picture.seed, file, file_hash(file))
                sides[picture.prompt_id, picture.text, picture.seed].append(side)
    return sides
