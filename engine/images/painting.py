"""One shard painted: its pictures, the best of each prompt's candidates, and what the student will
train on.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from PIL import Image

from engine import judges
from engine.core import plugins
from engine.core.config import build
from engine.core.errors import EngineError
from engine.core.store import atomic
from engine.core.types import Picture
from engine.images.shards import Item, Shard, Shelf
from engine.models import diffusion
from engine.models.autoencoder import to_pixels
from engine.models.diffusion import Painted

if TYPE_CHECKING:
    from engine.images import Config


class Studio:
    """The painter, the student whose latents are kept, and the judge. Raises EngineError as their
    loading does.
    """

    def __init__(self, config: "Config") -> None:
        self.config = config
        self.painter = diffusion.load(config.model, config.revision)
        same = config.encode_for in ("", config.model)
        self.student = self.painter if same else diffusion.load(config.encode_for)
        _ = (
            self.student.empty
        )  # says at once when the student is of a family that cannot be trained
        self.judge, self.judged, self.unread = None, 0, 0
        if config.best_of > 1:
            plugin = plugins.load(judges, config.judge)
            self.judge = plugin.judge(build(plugin.Config, config.judge_options))

    def paint(self, shard: Shard, shelf: Shelf) -> Iterator[int]:
        """Paint and keep a shard; yields the number of its pictures painted after each batch but
        the last.

        Raises EngineError while the judge could score nothing at all.
        """
        config, painted = self.config, []
        texts = [item.prompt.text for item in shard.items for _ in item.seeds]
        seeds = [seed for item in shard.items for seed in item.seeds]
        for start in range(0, len(texts), config.batch_size):
            if start:
                yield start // config.best_of
            part = slice(start, start + config.batch_size)
            painted += self.painter.paint(
                texts[part],
                seeds[part],
                config.guidance,
                config.steps,
                config.sampler,
                config.batch_size,
            )
        chosen = [
            self._choose(item, painted[i * config.best_of :][: config.best_of])
            for i, item in enumerate(shard.items)
        ]
        self.judged += len(shard.items)
        if self.unread == self.judged and self.judge:
            raise EngineError(
                f"The judge {config.judge} can read none of these texts, such as {texts[0]!r}, and "
                "so "
                "cannot choose. Name a judge that reads them, or set best_of to 1."
            )
        self._keep(shard, shelf, chosen)

    def _choose(self, item: Item, candidates: list[Painted]) -> tuple[int, Painted]:
        """The seed and picture that the judge scores best, the first of equals and of what it
        cannot score.
        """
        pairs = list(zip(item.seeds, candidates, strict=True))
        if self.judge is None:
            return pairs[0]
        images = [picture.image for picture in candidates]
        judged = self.judge([item.prompt] * len(images), images, item.seeds)
        values = [score.value for score in judged]
        self.unread += all(value is None for value in values)
        gain = judges.declaration(self.config.judge).gain
        gains = [float("-inf") if value is None else gain(value) for value in values]
        return pairs[gains.index(max(gains))]

    def _keep(self, shard: Shard, shelf: Shelf, chosen: list[tuple[int, Painted]]) -> None:
        config, records = self.config, []
        for item, (seed, picture) in zip(shard.items, chosen, strict=True):
            if not shelf.keeps(item):
                with atomic(shelf.folder / item.file_name) as temporary:
                    picture.image.save(temporary)
            records.append(
                Picture(
                    item.file_name,
                    item.prompt.id,
                    item.prompt.text,
                    seed,
                    config.model,
                    config.sampler,
                    config.guidance,
                    config.steps,
                )
            )
        latents = self._latents([picture for _, picture in chosen])
        texts = [item.prompt.text for item in shard.items]
        shelf.put(shard, {"latents": latents, **text_tensors(self.student, texts)}, records)

    def _latents(self, pictures: list[Painted]) -> torch.Tensor:
        """As painted, or encoded by the student's VAE at the student's size."""
        if self.student is self.painter:
            return torch.stack([picture.latents for picture in pictures])
        images: list[Image.Image] = [picture.image for picture in pictures]
        return self.student.encode(to_pixels(images, self.student.size_pixels)).cpu()


def text_tensors(student: diffusion.Painter, texts: list[str]) -> dict[str, torch.Tensor]:
    """What the student reads of some captions, and of none, by the names they are kept under."""
    text, empty = student.embed(texts), student.empty
    tensors = {
        "embeddings": text.tokens,
        "empty_embedding": empty.tokens,
        "pooled": text.pooled,
        "empty_pooled": empty.pooled,
        "time_ids": text.time_ids,
    }
    return {name: tensor.cpu() for name, tensor in tensors.items() if tensor is not None}
