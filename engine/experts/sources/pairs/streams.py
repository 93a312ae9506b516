"""Pairs as experts see them: which at which step is decided as for single pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from engine.core.errors import EngineError
from engine.core.store import Store
from engine.experts import Config, Training, latents
from engine.experts.sources.pairs.batches import PairBatch
from engine.experts.sources.pairs.records import Folder, Pair, folder
from engine.experts.sources.pictures.library import Library
from engine.experts.sources.pictures.splits import Split
from engine.experts.sources.pictures.streams import Draw, Stream, split_of


@dataclass(frozen=True)
class Pairs:
    """The pairs of all skills; those of one caption are held out or learned from together."""

    library: Library
    better: list[int]
    """The row in the library of each pair's better picture."""
    worse: list[int]
    groups: dict[str, list[list[int]]]
    """By skill: the numbers of the pairs of each caption."""

    def stream(self, name: str, config: Config) -> "PairStream":
        own = split_of(name, config, self.groups)
        return PairStream(name, self, own, config.training(name), config.seed)


class PairStream(Stream):
    """One expert's batches; an item is the number of a pair."""

    def __init__(
        self, name: str, pairs: Pairs, split: Split, training: Training, seed: int
    ) -> None:
        super().__init__(name, pairs.library, split, training, seed)
        self._pairs = pairs
        self._better = torch.tensor(pairs.better, device=pairs.library.device)
        self._worse = torch.tensor(pairs.worse, device=pairs.library.device)

    def _batch(self, items: Tensor, draw: Draw) -> PairBatch:
        """One draw for both pictures: with noise of their own, identical pictures would differ."""
        better = self._noised(self._better[items], draw)
        worse = replace(better, latents=self._latents(self._worse[items], draw))
        return PairBatch(better, worse)

    def _row(self, item: int) -> int:
        return self._pairs.better[item]


def load_pairs(store: Store, skills: Sequence[str], library: Library) -> Pairs:
    """Raises EngineError for pairs of pictures that are not there, or that have two captions."""
    better: list[int] = []
    worse: list[int] = []
    groups = {}
    for skill in skills:
        own = folder(store, skill)
        rows = _rows_by_name(store, skill, library)
        by_caption: dict[str, list[int]] = {}
        for pair in _checked(own, rows, library, skill):
            caption = library.texts[rows[pair.better]]
            by_caption.setdefault(caption, []).append(len(better))
            better.append(rows[pair.better])
            worse.append(rows[pair.worse])
        groups[skill] = list(by_caption.values())
    return Pairs(library, better, worse, groups)


def _rows_by_name(store: Store, skill: str, library: Library) -> dict[str, int]:
    rows: dict[str, int] = {}
    pictures = latents.curated_folder(store, skill).pictures
    for row, picture in zip(library.rows[skill], pictures, strict=True):
        rows.setdefault(picture.file_name, row)
    return rows


def _checked(own: Folder, rows: dict[str, int], library: Library, skill: str) -> list[Pair]:
    pairs = own.read()
    if not pairs:
        raise EngineError(f"{own.pairs} is empty. Delete it and name a judge that makes pairs.")
    for pair in pairs:
        for name in (pair.better, pair.worse):
            if name not in rows:
                raise EngineError(
                    f"{own.pairs} names {name[:80]!r}, which is no picture of {skill} any more. "
                    f"Delete {own.path} and name a judge, or take the line out."
                )
        if library.texts[rows[pair.better]] != library.texts[rows[pair.worse]]:
            raise EngineError(
                f"{own.pairs} compares {pair.better} with {pair.worse}, whose captions are not the "
                "same. Take the line out."
            )
    return pairs
