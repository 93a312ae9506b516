"""One shard painted: its pictures, the best of each prompt's candidates, and what one trains on."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from PIL import Image

from engine import judges
from engine.core.errors import EngineError
from engine.core.store import atomic
from engine.core.types import Picture
from engine.images.shards import Item, Shard
from engine.images.shelf import Shelf
from engine.judges import Judge
from engine.models import diffusion
from engine.models.autoencoder import to_pixels
from engine.models.conditions import to_store
from engine.models.diffusion import PaintedPicture, PaintingOptions

if TYPE_CHECKING:
    from engine.images import Config

UNSCORED = float("-inf")
"""Less than any score."""


class Studio:
    """The painter, the student that will train on the pictures, and the judge that chooses.

    Raises EngineError as their loading does, and for a student that cannot be trained.
    """

    def __init__(self, config: "Config") -> None:
        self.config = config
        self.painter = diffusion.load(config.model, config.revision, encoder=config.encoder)
        self.student = self.painter
        if config.encode_for not in ("", config.model):
            self.student = diffusion.load(config.encode_for, encoder=config.encoder)
        text_tensors(self.student, [""])  # refuses a family that cannot be trained, at once
        self.judge: Judge | None = config.judge_choice.open() if config.best_of > 1 else None
        self.judged, self.unread = 0, 0
        """Items that the judge has chosen for, and those of which it could read no picture."""

    def paint(self, shard: Shard, shelf: Shelf) -> Iterator[int]:
        """Paint and keep a shard; after each batch but the last, yields how many are painted.

        Raises EngineError while the judge could score nothing at all.
        """
        config = self.config
        painted: list[PaintedPicture] = []
        texts: list[str] = []
        seeds: list[int] = []
        for item in shard.items:
            texts += [item.prompt.text] * len(item.seeds)
            seeds += item.seeds
        for start in range(0, len(texts), config.batch_size):
            if start:
                yield start // config.best_of
            part = slice(start, start + config.batch_size)
            painted += self.painter.paint(
                texts[part],
                seeds[part],
                config.guidance,
                PaintingOptions(config.steps, config.sampler, config.batch_size),
            )
        choices = []
        for number, item in enumerate(shard.items):
            first = number * config.best_of
            choices.append(self._choose(item, painted[first : first + config.best_of]))
        self.judged += len(shard.items)
        if self.judge and self.unread == self.judged:
            raise EngineError(
                f"The judge {config.judge} can read none of these texts, such as {texts[0]!r}, "
                "and so cannot choose. Name a judge that reads them, or set best_of to 1."
            )
        self._keep(shard, shelf, choices)

    def _choose(self, item: Item, candidates: list[PaintedPicture]) -> tuple[int, PaintedPicture]:
        """The seed and picture that the judge scores best, of equals the first.

        Where it can score none of them, the first, too.
        """
        pairs = list(zip(item.seeds, candidates, strict=True))
        if self.judge is None:
            return pairs[0]
        images = [picture.image for picture in candidates]
        declared = judges.declaration(self.config.judge)
        gains = []
        for score in self.judge([item.prompt] * len(images), images, item.seeds):
            gains.append(UNSCORED if score.value is None else declared.gain(score.value))
        if max(gains) == UNSCORED:
            self.unread += 1
        return pairs[gains.index(max(gains))]

    def _keep(self, shard: Shard, shelf: Shelf, choices: list[tuple[int, PaintedPicture]]) -> None:
        records = []
        for item, (seed, picture) in zip(shard.items, choices, strict=True):
            if not shelf.keeps(item):
                with atomic(shelf.folder / item.file_name) as temporary:
                    picture.image.save(temporary)
            records.append(self._record(item, seed))
        latents = self._latents([picture for _, picture in choices])
        texts = [item.prompt.text for item in shard.items]
        shelf.put(shard, {"latents": latents, **text_tensors(self.student, texts)}, records)

    def _record(self, item: Item, seed: int) -> Picture:
        config = self.config
        return Picture(
            item.file_name,
            item.prompt.id,
            item.prompt.text,
            seed,
            config.model,
            config.sampler,
            config.guidance,
            config.steps,
        )

    def _latents(self, pictures: list[PaintedPicture]) -> torch.Tensor:
        """As painted, or encoded by the student's VAE at the student's size."""
        if self.student is self.painter:
            return torch.stack([picture.latents for picture in pictures])
        images: list[Image.Image] = [picture.image for picture in pictures]
        return self.student.encode(to_pixels(images, self.student.size_pixels)).cpu()


def text_tensors(student: diffusion.Painter, texts: list[str]) -> dict[str, torch.Tensor]:
    """What the student reads of some captions, and of none, by the names they are kept under."""
    return to_store(student.embed(texts), student.empty, student.stored_names)
