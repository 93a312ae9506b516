"""The finished shards of one folder: each is on disk whole or not at all."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from engine.core import imagefolder, picture_folder
from engine.core.edited_pictures import Original
from engine.core.store import METADATA, write_records, write_text
from engine.core.types import Picture
from engine.images import curation, part_files
from engine.images.shards import Item, Shard

STORY = "Pictures that a text-to-image model painted; metadata.jsonl has their captions."


class Shelf:
    """Finished shards: parts of their own, or rows joined in latents.safetensors.

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
        self.curated_folder = picture_folder.curated_folder(folder, list(self._originals.values()))
        changed = (
            self.curated_folder.missing,
            self.curated_folder.repainted,
            self.curated_folder.recaptioned,
        )
        self._edited = set().union(*changed)
        if replace:
            self._forget_edited()

    def files(self, shard: Shard) -> list[str]:
        """A shard's pictures that are there, as paths."""
        paths = [self.folder / name for name in shard.file_names]
        return [str(path) for path in paths if path.exists()]

    def has(self, shard: Shard) -> bool:
        return shard.key in self._joined_rows or self._part(shard.key).exists()

    def is_joined(self, shards: Sequence[Shard]) -> bool:
        if self.parts.exists():
            return False
        return [shard.key for shard in shards] == list(self._joined_rows)

    def check(self, shards: Sequence[Shard], skill: str) -> None:
        """Raises EngineError where painting these shards would undo what people did."""
        curation.check(shards, skill, self._originals, self.curated_folder, self._edited)

    def keeps(self, item: Item) -> bool:
        """Whether people have replaced, removed or captioned anew the picture of this item."""
        if item.file_name not in self._edited:
            return False
        return curation.is_same(item, self._originals[item.file_name])

    def put(self, shard: Shard, tensors: Mapping[str, Any], pictures: Sequence[Picture]) -> None:
        """Keep a painted shard; its PNG files are already there."""
        edited, originals = [], []
        for item, picture in zip(shard.items, pictures, strict=True):
            if self.keeps(item):
                edited.append(item.file_name)
                originals.append(self._originals[item.file_name])
            else:
                originals.append(picture_folder.original(self.folder, picture, shard.key))
        part_files.write_part(self._part(shard.key), tensors, originals, edited)

    def join(self, shards: Sequence[Shard], recipe: Mapping[str, Any]) -> None:
        """Make all shards one latents.safetensors and metadata.jsonl; forget what is of no shard.

        The weights come last: whoever reads them before finds another record, and says so.
        """
        lines = self._lines(shards)
        originals: dict[str, Original] = {}
        tensors, sizes = [], []
        for shard in shards:
            for one in self._painted(shard):
                originals[one.file_name] = replace(one, shard=shard.key)
            tensors.append(self._tensors(shard))
            sizes.append((shard.key, len(shard.items)))
        leftover = self._leftover(originals)
        write_records(self.folder / picture_folder.RECORD, originals.values())
        self._write_lines(lines)
        imagefolder.write_card(self.folder, STORY)
        part_files.write_joined(self.joined, part_files.concatenated(tensors), recipe, sizes)
        self._read_joined()
        self._remove(leftover)

    def clear(self) -> None:
        """Remove what was painted, for other settings; what people added stays, with its lines."""
        lines_by_file = picture_folder.lines_by_file(self.folder)
        kept_lines: list[dict[str, Any]] = []
        added = set()
        for name in self.curated_folder.added:
            # each once: a file may have several lines
            if name not in self._originals and name not in added:
                added.add(name)
                kept_lines += lines_by_file[name]
        self._write_lines(kept_lines)
        records = (picture_folder.RECORD, "README.md", "recipe.json")
        files = [self.joined, *map(self.folder.joinpath, records)]
        self._remove([*self._leftover(added), *files])

    def _remove(self, files: Sequence[Path]) -> None:
        for file in files:
            file.unlink(missing_ok=True)
        if self.parts.exists():
            self.parts.rmdir()

    def _write_lines(self, lines: Sequence[Mapping[str, Any]]) -> None:
        text = ""
        for line in lines:
            text += json.dumps(line, ensure_ascii=False) + "\n"
        write_text(self.folder / METADATA, text)

    def _lines(self, shards: Sequence[Shard]) -> list[dict[str, Any]]:
        """metadata.jsonl: people's own lines where they have a say, then what they added."""
        written = picture_folder.lines_by_file(self.folder)
        lines: list[dict[str, Any]] = []
        painted_names = set(self._originals)
        for shard in shards:
            painted_names.update(shard.file_names)
            edited = self._edited_of(shard)
            for one in self._painted(shard):
                theirs = written.get(one.file_name, [])
                lines += theirs if one.file_name in edited else [asdict(one.picture)]
        for name, lines_of_file in written.items():
            if name not in painted_names:
                lines += lines_of_file
        return lines

    def _painted(self, shard: Shard) -> list[Original]:
        """A finished shard's pictures as they were painted."""
        if shard.key in self._joined_rows:
            return [self._originals[name] for name in shard.file_names]
        originals = []
        for one in part_files.read_pictures(self._part(shard.key)):
            if not one.sha256:  # a part of before there were records
                one = picture_folder.original(self.folder, one.picture, shard.key)
            originals.append(one)
        return originals

    def _edited_of(self, shard: Shard) -> set[str]:
        """Files of a shard whose lines in metadata.jsonl are people's."""
        if shard.key in self._joined_rows:
            return set(shard.file_names)
        return part_files.read_edited(self._part(shard.key))

    def _leftover(self, planned: Collection[str]) -> list[Path]:
        """Parts, and painted pictures of no shard; what people added stays."""
        painted = set(self._originals)
        parts = list(self.parts.glob("*.safetensors"))
        for part in parts:
            for one in part_files.read_pictures(part):
                painted.add(one.file_name)
        unplanned = sorted(painted.difference(planned))
        return [*parts, *map(self.folder.joinpath, unplanned)]

    def _record(self) -> list[Original]:
        known = picture_folder.originals(self.folder)
        if known or not self.joined.exists():
            return known
        key_of_row: list[str] = []
        for key, rows in self._joined_rows.items():
            key_of_row += [key] * (rows.stop - rows.start)
        return picture_folder.begin(self.folder, key_of_row, self._recipe)

    def _forget_edited(self) -> None:
        """Take the shards that people edited for unpainted."""
        for name in self._edited:
            key = self._originals[name].shard
            self._joined_rows.pop(key, None)
            self._part(key).unlink(missing_ok=True)
        self._edited = set()

    def _tensors(self, shard: Shard) -> dict[str, Any]:
        if rows := self._joined_rows.get(shard.key):
            return part_files.read_tensors(self.joined, rows)
        return part_files.read_tensors(self._part(shard.key), slice(None))

    def _read_joined(self) -> None:
        """Which rows are which shard's, if any were joined, and what the header says beside it."""
        self._joined_rows, start = {}, 0
        if not self.joined.exists():
            return
        self._recipe = part_files.read_joined_recipe(self.joined)
        for key, length in self._recipe["shards"]:
            self._joined_rows[key] = slice(start, start + length)
            start += length

    def _part(self, key: str) -> Path:
        return self.parts / f"{key}.safetensors"
