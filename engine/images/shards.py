"""A skill's pictures in shards of fixed size: each is on disk whole or not at all, and is found by its key."""
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict

from engine.core.errors import EngineError
from engine.core.recipe import derived_seed
from engine.core.store import METADATA, read_records, write_records
from engine.core.typed import checker, reader
from engine.core.types import Picture, Prompt
from engine.models import tensor_files

SIZE = 32
ONE_ROW = ("empty_embedding", "empty_pooled")
"""Tensors that every shard holds once, the same in all."""


@dataclass(frozen=True)
class Item:
    """The `k`-th picture of a prompt; it is painted from every seed and the best one is kept."""

    index: int
    prompt: Prompt
    k: int
    seeds: tuple[int, ...]

    @property
    def file_name(self) -> str:
        return f"{self.index:05d}.png"


@dataclass(frozen=True)
class Shard:
    """Pictures that are painted together; `key` says of what, and by which settings."""

    key: str
    items: tuple[Item, ...]


class Joined(TypedDict):
    """What joined latents say of the shards they were made of: key and number of rows."""

    shards: list[tuple[str, int]]


def plan(prompts: Sequence[Prompt], pictures_per_prompt: int, best_of: int, seed: int,
         recipe: Mapping[str, Any]) -> list[Shard]:
    """Shards in order. The first candidate's seed is the one that is painted when there is no choice."""
    items: list[Item] = []
    for prompt in prompts:
        for k in range(pictures_per_prompt):
            others = [derived_seed(seed, prompt.id, k, j) for j in range(1, best_of)]
            items.append(Item(len(items), prompt, k, (derived_seed(seed, prompt.id, k), *others)))
    parts = [tuple(items[start:start + SIZE]) for start in range(0, len(items), SIZE)]
    return [Shard(_key(recipe, part), part) for part in parts]


def _key(recipe: Mapping[str, Any], items: Sequence[Item]) -> str:
    asked = [[item.index, item.prompt.id, item.prompt.text, item.seeds] for item in items]
    return hashlib.sha256(json.dumps([recipe, asked], sort_keys=True).encode()).hexdigest()[:16]


class Shelf:
    """The finished shards of one folder: parts of their own, or rows of latents.safetensors joined earlier."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.parts = folder, folder / "parts"
        self.joined = folder / "latents.safetensors"
        self._joined_rows = self._read_joined()

    def has(self, shard: Shard) -> bool:
        return shard.key in self._joined_rows or self._part(shard.key).exists()

    def is_joined(self, shards: Sequence[Shard]) -> bool:
        return [shard.key for shard in shards] == list(self._joined_rows) and not self.parts.exists()

    def put(self, shard: Shard, tensors: Mapping[str, Any], pictures: Sequence[Picture]) -> None:
        """Keep a painted shard; its PNG files are already there."""
        records = json.dumps([asdict(picture) for picture in pictures], sort_keys=True)
        tensor_files.write(self._part(shard.key), tensors, {"pictures": records})

    def pictures(self, shard: Shard) -> list[Picture]:
        """A finished shard's records."""
        if rows := self._joined_rows.get(shard.key):
            return read_records(self.folder / METADATA, Picture)[rows]
        path = self._part(shard.key)
        with tensor_files.opened(path, "numpy") as file:
            told = _entry(file, path, "pictures", list[Any])
        try:
            return [reader(Picture)(values) for values in told]
        except ValueError as error:
            said = f"{path} is damaged ({error}). Delete it and run the stage again."
            raise EngineError(said) from error

    def join(self, shards: Sequence[Shard], recipe: Mapping[str, Any]) -> None:
        """Make all shards one latents.safetensors and one metadata.jsonl; forget parts and pictures of no shard."""
        import torch
        pictures = [picture for shard in shards for picture in self.pictures(shard)]
        loaded = [self._tensors(shard) for shard in shards]
        tensors = {name: first if name in ONE_ROW else torch.cat([part[name] for part in loaded])
                   for name, first in loaded[0].items()}
        keys = [[shard.key, len(shard.items)] for shard in shards]
        write_records(self.folder / METADATA, pictures)
        told = json.dumps({**recipe, "shards": keys}, sort_keys=True)
        tensor_files.write(self.joined, tensors, {"recipe": told})
        self._joined_rows = self._read_joined()
        self._tidy({picture.file_name for picture in pictures})

    def _tidy(self, file_names: set[str]) -> None:
        for path in [*self.parts.glob("*.safetensors"), *self.folder.glob("*.png")]:
            if path.name not in file_names:
                path.unlink()
        if self.parts.exists():
            self.parts.rmdir()

    def _tensors(self, shard: Shard) -> dict[str, Any]:
        rows = self._joined_rows.get(shard.key)
        with tensor_files.opened(self._part(shard.key) if rows is None else self.joined) as file:
            whole = slice(None)
            return {name: file.get_slice(name)[whole if rows is None or name in ONE_ROW else rows]
                    for name in file.keys()}  # noqa: SIM118 - a safetensors file is no mapping

    def _read_joined(self) -> dict[str, slice]:
        """Shard key -> its rows, none when nothing was joined yet."""
        if not self.joined.exists():
            return {}
        rows, start = {}, 0
        with tensor_files.opened(self.joined, "numpy") as file:
            for key, length in _entry(file, self.joined, "recipe", Joined)["shards"]:
                rows[key] = slice(start, start + length)
                start += length
        return rows

    def _part(self, key: str) -> Path:
        return self.parts / f"{key}.safetensors"


def _entry(file: Any, path: Path, name: str, hint: Any) -> Any:
    """What the header holds under `name`: JSON of that type."""
    try:
        return checker(hint)(json.loads(file.metadata()[name]))
    except (TypeError, KeyError, ValueError, RecursionError) as error:
        raise EngineError(f"{path} was not written by this stage. Delete it and run the stage again.") from error
