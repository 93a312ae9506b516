"""A skill's pictures in shards of fixed size: each is on disk whole or not at all, and is found by
its key.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypedDict

from engine.core import imagefolder, picture_folder
from engine.core.errors import EngineError
from engine.core.hashing import derived_seed
from engine.core.picture_folder import Original
from engine.core.store import METADATA, write_records, write_text
from engine.core.typed import checker, reader
from engine.core.types import Picture, Prompt
from engine.images import curation
from engine.models import tensor_files

SIZE = 32
ONE_ROW = ("empty_embedding", "empty_pooled")
"""Tensors that every shard holds once, the same in all."""
STORY = "Pictures that a text-to-image model painted; metadata.jsonl has their captions."


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


def plan(
    prompts: Sequence[Prompt],
    pictures_per_prompt: int,
    best_of: int,
    seed: int,
    recipe: Mapping[str, Any],
) -> list[Shard]:
    """Shards in order. The first candidate's seed is the one that is painted when there is no
    choice.
    """
    items: list[Item] = []
    for prompt in prompts:
        for k in range(pictures_per_prompt):
            others = [derived_seed(seed, prompt.id, k, j) for j in range(1, best_of)]
            items.append(Item(len(items), prompt, k, (derived_seed(seed, prompt.id, k), *others)))
    parts = [tuple(items[start : start + SIZE]) for start in range(0, len(items), SIZE)]
    return [Shard(_key(recipe, part), part) for part in parts]


def _key(recipe: Mapping[str, Any], items: Sequence[Item]) -> str:
    asked = [[item.index, item.prompt.id, item.prompt.text, item.seeds] for item in items]
    return hashlib.sha256(json.dumps([recipe, asked], sort_keys=True).encode()).hexdigest()[:16]


class Shelf:
    """The finished shards of one folder: parts of their own, or rows joined in latents.safetensors.

    What people made of the pictures since (engine.core.picture_folder) is kept; `replace` paints it
    anew.
    """

    def __init__(self, folder: Path, replace: bool = False) -> None:
        self.folder, self.parts = folder, folder / "parts"
        self.joined = folder / "latents.safetensors"
        self._joined_rows: dict[str, slice] = {}
        self._recipe: dict[str, Any] = {}
        self._read_joined()
        self._originals = {one.file_name: one for one in self._record()}
        self.curated = picture_folder.curated(folder, list(self._originals.values()))
        self._edited = {*self.curated.gone, *self.curated.repainted, *self.curated.retold}
        if replace:
            self._forget()

    def has(self, shard: Shard) -> bool:
        return shard.key in self._joined_rows or self._part(shard.key).exists()

    def is_joined(self, shards: Sequence[Shard]) -> bool:
        return [shard.key for shard in shards] == list(
            self._joined_rows
        ) and not self.parts.exists()

    def check(self, shards: Sequence[Shard], skill: str) -> None:
        """Raises EngineError where painting these shards would undo what people did."""
        curation.check(shards, skill, self._originals, self.curated, self._edited)

    def keeps(self, item: Item) -> bool:
        """Whether people have replaced, taken out or captioned anew what this item asks for."""
        return item.file_name in self._edited and curation.is_of(
            item, self._originals[item.file_name]
        )

    def put(self, shard: Shard, tensors: Mapping[str, Any], pictures: Sequence[Picture]) -> None:
        """Keep a painted shard; its PNG files are already there."""
        kept = [item.file_name for item in shard.items if self.keeps(item)]
        made = [
            self._originals[picture.file_name]
            if picture.file_name in kept
            else picture_folder.original(self.folder, picture, shard.key)
            for picture in pictures
        ]
        told = {"pictures": [asdict(one) for one in made], "kept": kept}
        header = {name: json.dumps(value, sort_keys=True) for name, value in told.items()}
        tensor_files.write(self._part(shard.key), tensors, header)

    def join(self, shards: Sequence[Shard], recipe: Mapping[str, Any]) -> None:
        """Make all shards one latents.safetensors and metadata.jsonl; forget what is of no shard.

        The weights come last: whoever reads them before finds another record, and says so.
        """
        import torch

        originals, lines = [], self._lines(shards)
        for shard in shards:
            originals += [replace(one, shard=shard.key) for one in self._painted(shard)]
        loaded = [self._tensors(shard) for shard in shards]
        tensors = {
            name: first if name in ONE_ROW else torch.cat([part[name] for part in loaded])
            for name, first in loaded[0].items()
        }
        keys = [[shard.key, len(shard.items)] for shard in shards]
        leftover = self._leftover({one.file_name for one in originals})
        write_records(self.folder / picture_folder.RECORD, originals)
        self._write_lines(lines)
        imagefolder.write_card(self.folder, STORY)
        told = json.dumps({**recipe, "shards": keys}, sort_keys=True)
        tensor_files.write(self.joined, tensors, {"recipe": told})
        self._read_joined()
        for path in leftover:
            path.unlink(missing_ok=True)
        if self.parts.exists():
            self.parts.rmdir()

    def clear(self) -> None:
        """Remove what was painted, for other settings; what people added stays, with its lines."""
        written = picture_folder.lines_by_file(self.folder)
        added = dict.fromkeys(name for name in self.curated.added if name not in self._originals)
        self._write_lines([line for name in added for line in written[name]])
        for path in self._leftover(set(added)):
            path.unlink(missing_ok=True)
        for name in (self.joined.name, picture_folder.RECORD, "README.md", "recipe.json"):
            (self.folder / name).unlink(missing_ok=True)
        if self.parts.exists():
            self.parts.rmdir()

    def _write_lines(self, lines: Sequence[Mapping[str, Any]]) -> None:
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        write_text(self.folder / METADATA, text)

    def _lines(self, shards: Sequence[Shard]) -> list[dict[str, Any]]:
        """metadata.jsonl: people's own lines where they have a say, then what they added."""
        written = picture_folder.lines_by_file(self.folder)
        names = {item.file_name for shard in shards for item in shard.items}
        lines: list[dict[str, Any]] = []
        for shard in shards:
            kept = self._kept(shard)
            for one in self._painted(shard):
                theirs = written.get(one.file_name, [])
                lines += theirs if one.file_name in kept else [asdict(one.picture)]
        ours = names | set(self._originals)
        added = [of_file for name, of_file in written.items() if name not in ours]
        return lines + [line for of_file in added for line in of_file]

    def _painted(self, shard: Shard) -> list[Original]:
        """A finished shard's pictures as they were painted."""
        if shard.key in self._joined_rows:
            return [self._originals[item.file_name] for item in shard.items]
        path = self._part(shard.key)
        with tensor_files.opened(path, "numpy") as file:
            told = _entry(file, path, "pictures", list[Any])
        found = [_original(values, path) for values in told]
        return [
            one if one.sha256 else picture_folder.original(self.folder, one.picture, shard.key)
            for one in found
        ]

    def _kept(self, shard: Shard) -> set[str]:
        """Files of a shard whose lines in metadata.jsonl are people's."""
        if shard.key in self._joined_rows:
            return {item.file_name for item in shard.items}
        path = self._part(shard.key)
        with tensor_files.opened(path, "numpy") as file:
            has = "kept" in (file.metadata() or {})  # not in parts of before
            return set(_entry(file, path, "kept", list[str])) if has else set()

    def _leftover(self, planned: set[str]) -> list[Path]:
        """Parts, and painted pictures of no shard; what people added stays."""
        ours, parts = set(self._originals), list(self.parts.glob("*.safetensors"))
        for part in parts:
            with tensor_files.opened(part, "numpy") as file:
                told = _entry(file, part, "pictures", list[Any])
                ours |= {_original(values, part).file_name for values in told}
        return [*parts, *(self.folder / name for name in sorted(ours - planned))]

    def _record(self) -> list[Original]:
        known = picture_folder.originals(self.folder)
        if known or not self.joined.exists():
            return known
        shards = [
            key for key, rows in self._joined_rows.items() for _ in range(rows.start, rows.stop)
        ]
        return picture_folder.begin(self.folder, shards, self._recipe)

    def _forget(self) -> None:
        """Take the shards that people edited for unpainted."""
        for key in {one.shard for one in self._originals.values() if one.file_name in self._edited}:
            self._joined_rows.pop(key, None)
            self._part(key).unlink(missing_ok=True)
        self._edited = set()

    def _tensors(self, shard: Shard) -> dict[str, Any]:
        rows = self._joined_rows.get(shard.key)
        with tensor_files.opened(self._part(shard.key) if rows is None else self.joined) as file:
            whole = slice(None)
            return {
                name: file.get_slice(name)[whole if rows is None or name in ONE_ROW else rows]
                for name in file.keys()
            }  # noqa: SIM118 - a safetensors file is no mapping

    def _read_joined(self) -> None:
        """Which rows are which shard's, if any were joined, and what the header says beside it."""
        self._joined_rows, start = {}, 0
        if not self.joined.exists():
            return
        with tensor_files.opened(self.joined, "numpy") as file:
            self._recipe = _entry(file, self.joined, "recipe", Joined)
        for key, length in self._recipe["shards"]:
            self._joined_rows[key] = slice(start, start + length)
            start += length

    def _part(self, key: str) -> Path:
        return self.parts / f"{key}.safetensors"


def _original(values: Any, path: Path) -> Original:
    try:
        return reader(Original)(values)
    except ValueError as error:
        raise EngineError(
            f"{path} is damaged ({error}). Delete it and run the stage again."
        ) from error


def _entry(file: Any, path: Path, name: str, hint: Any) -> Any:
    """What the header holds under `name`: JSON of that type."""
    try:
        return checker(hint)(json.loads(file.metadata()[name]))
    except (TypeError, KeyError, ValueError, RecursionError) as error:
        raise EngineError(
            f"{path} was not written by this stage. Delete it and run the stage again."
        ) from error
