"""The pictures of a model that stay beside its scores: the app shows them, and people vote on them.

They are copies; none of them is ever thrown away to save space.
"""

import base64
from collections.abc import Iterable, Mapping
from pathlib import Path

from engine.core import imagefolder, picture_files, picture_folder
from engine.core.errors import EngineError
from engine.core.provenance import Identity
from engine.core.store import METADATA, atomic, read_records, write_records
from engine.core.types import Picture, Score
from engine.evaluate import diversity
from engine.evaluate.planning import Row

Key = tuple[str, int]
"""A picture's prompt and seed."""
ROUNDING = 2
"""Of 255: how far apart two machines' paintings of one picture may be."""
STORY = "Pictures that were judged; metadata.jsonl has what they were to show."


class ShownPictures:
    """One model's, an `imagefolder` with its `metadata.jsonl`."""

    def __init__(self, folder: Path, recipe: Identity) -> None:
        """The recipe says what they were painted with."""
        self.folder, self.recipe = folder, recipe
        self.changed: set[Key] = set()
        """Those that are not what was judged."""
        self._read_names()

    def has(self, row: Row) -> bool:
        """Whether the picture that was judged is there, with its line in metadata.jsonl."""
        is_known = row.key in self._names and row.key not in self.changed
        return is_known and self._file(row).exists()

    def compare(self, scores: Iterable[Score]) -> None:
        """Find those that people have changed: a score's evidence holds a small likeness."""
        for score in scores:
            name = self._names.get(score.key)
            if name is None:
                continue
            file = picture_folder.path_inside(self.folder, name)
            if file.is_file() and not _is_like(file, score.pooled):
                self.changed.add(score.key)

    def add(self, painted: Mapping[Row, Path]) -> None:
        """Copy pictures here, and then say what they are."""
        if not painted:
            return
        metadata = self.folder / METADATA
        records = {picture.file_name: picture for picture in read_records(metadata, Picture)}
        for row, source in painted.items():
            file = self._file(row)
            with atomic(file) as temporary:
                temporary.write_bytes(source.read_bytes())
            self.changed.discard(row.key)
            records[file.name] = self._record(row, file.name)
        write_records(metadata, records.values())
        imagefolder.write_card(self.folder, STORY)
        self._read_names()

    def remove(self, prompt_ids: set[str]) -> None:
        """Remove the pictures of these prompts; those of other splits stay."""
        metadata = self.folder / METADATA
        gone: list[Picture] = []
        stay: list[Picture] = []
        for picture in read_records(metadata, Picture):
            if picture.prompt_id in prompt_ids:
                gone.append(picture)
            else:
                stay.append(picture)
        if not gone:
            return
        write_records(metadata, stay)
        for picture in gone:
            file = picture_folder.path_inside(self.folder, picture.file_name)
            file.unlink(missing_ok=True)
        self._read_names()

    def _read_names(self) -> None:
        """The files by picture, as they were called when they were painted."""
        records = read_records(self.folder / METADATA, Picture)
        self._names = {(one.prompt_id, one.seed): one.file_name for one in records}

    def _file(self, row: Row) -> Path:
        known = self._names.get(row.key)
        return self.folder / (known or imagefolder.file_name(row.prompt.id, row.number))

    def _record(self, row: Row, file_name: str) -> Picture:
        return Picture(
            file_name,
            row.prompt.id,
            row.prompt.text,
            row.seed,
            model=self.recipe["model"],
            sampler=self.recipe["sampler"],
            guidance=row.guidance,
            steps=self.recipe["steps"],
        )


def _is_like(file: Path, pooled: str) -> bool:
    """Whether a file still shows what was judged, but for the rounding of another machine."""
    if not pooled:
        return True
    try:
        pooled_now = diversity.pool(picture_files.read(file))
    except (EngineError, ValueError):
        return False
    now, then = base64.b64decode(pooled_now), base64.b64decode(pooled)
    pairs = zip(now, then, strict=True)
    return all(abs(ours - theirs) <= ROUNDING for ours, theirs in pairs)
