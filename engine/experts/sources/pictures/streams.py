"""What an expert sees at which step: a function of seed, name and step, and of nothing else.

So an expert learns the same alone or beside others, and a checkpoint needs no state of any random
generator.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.core.errors import EngineError
from engine.core.hashing import derived_seed
from engine.experts import Config, Training
from engine.experts.sources.pictures.batches import Batch
from engine.experts.sources.pictures.library import Library
from engine.experts.sources.pictures.splits import Groups, Split, permutation, split

HELD_OUT_TIMES = 4
"""Noise levels at which each held-out item is measured, evenly spread."""


@dataclass(frozen=True)
class Draw:
    """What chance decides for the items of a step."""

    noise: Tensor
    """Standard normal, (items, c, h, w)."""
    timesteps: Tensor
    dropped: Tensor | None = None
    """(items,), whose captions are left empty; None is none."""
    mirrored: Tensor | None = None
    """(items,), whose latents are mirrored; None is none."""


class Stream:
    """One expert's batches, on the library's device. An item is what a batch has a row of.

    Here an item is a picture, and its number is its row in the library.
    """

    def __init__(
        self, name: str, library: Library, split: Split, training: Training, seed: int
    ) -> None:
        self.name, self.library, self.training, self.seed = name, library, training, seed
        self.split, self.items_per_step = split, training.batch_size * training.accumulation
        items = training.steps * self.items_per_step
        epochs = -(-items // len(split.learned))
        learned = torch.tensor(split.learned)
        orders = []
        for epoch in range(epochs):
            order = permutation(len(learned), seed, name, "epoch", epoch)
            orders.append(learned[order])
        self._order = torch.cat(orders).to(library.device)
        self._held_out = torch.tensor(split.held_out, dtype=torch.long, device=library.device)

    def batch(self, step: int, timesteps: int) -> Any:
        """All items of optimiser step `step`, with times below `timesteps`."""
        items = self._order[step * self.items_per_step : (step + 1) * self.items_per_step]
        seed = derived_seed(self.seed, self.name, "step", step)
        return self._batch(items, self._draw(len(items), seed, timesteps))

    def held_out(self, timesteps: int) -> Iterator[Any]:
        """The held-out items, each at the same times and with the same noise on every call."""
        if not self.split.held_out:
            return
        # the middles of equally long stretches of the noise schedule
        times = torch.arange(HELD_OUT_TIMES, device=self.library.device) * 2 + 1
        times = times * timesteps // (2 * HELD_OUT_TIMES)
        at_once = max(1, self.training.batch_size // HELD_OUT_TIMES)
        for items in self._held_out.split(at_once):
            noise = torch.cat([self._held_out_noise(item) for item in items.tolist()])
            repeated = items.repeat_interleave(HELD_OUT_TIMES)
            yield self._batch(repeated, Draw(noise, times.repeat(len(items))))

    def captions(self) -> list[str]:
        """Of what is held out, or of what it learns from where nothing is."""
        items = self.split.held_out or self.split.learned
        return [self.library.texts[self._row(item)] for item in items]

    def _batch(self, items: Tensor, draw: Draw) -> Any:
        return self._noised(items, draw)

    def _row(self, item: int) -> int:
        """Of the picture that names the item and tells its caption."""
        return item

    def _noised(self, rows: Tensor, draw: Draw) -> Batch:
        """Pictures of the library with what chance decided for them."""
        text = self.library.captions(rows, draw.dropped)
        return Batch(self._latents(rows, draw), text, draw.noise, draw.timesteps)

    def _latents(self, rows: Tensor, draw: Draw) -> Tensor:
        """Some mirrored."""
        latents = self.library.latents(rows)
        if draw.mirrored is None:
            return latents
        return torch.where(draw.mirrored.view(-1, 1, 1, 1), latents.flip(-1), latents)

    def _draw(self, count: int, seed: int, timesteps: int) -> Draw:
        """Everything is drawn, wanted or not, so that no option changes what the others draw."""
        device = self.library.device
        generator = torch.Generator(device).manual_seed(seed)
        times = torch.randint(timesteps, (count,), generator=generator, device=device)
        shape = (count, *self.library.latents_NCHW.shape[1:])
        noise = torch.randn(shape, generator=generator, device=device)
        chances = torch.rand(2, count, generator=generator, device=device)
        return Draw(
            noise.to(self.library.dtype),
            times,
            dropped=chances[0] < self.training.caption_dropout,
            mirrored=chances[1] < 0.5 if self.training.flip else None,
        )

    def _held_out_noise(self, item: int) -> Tensor:
        """(HELD_OUT_TIMES, c, h, w); it follows the picture into whatever run."""
        seed = derived_seed(self.seed, self.library.name(self._row(item)), "held out")
        generator = torch.Generator().manual_seed(seed)
        shape = (HELD_OUT_TIMES, *self.library.latents_NCHW.shape[1:])
        noise = torch.randn(shape, generator=generator)
        return noise.to(self.library.device, self.library.dtype)


@dataclass(frozen=True)
class Pictures:
    """The pictures of all skills; each is held out or learned from by itself."""

    library: Library

    def stream(self, name: str, config: Config) -> Stream:
        groups = {}
        for skill, rows in self.library.rows.items():
            groups[skill] = [[row] for row in rows]
        own = split_of(name, config, groups)
        return Stream(name, self.library, own, config.training(name), config.seed)


def split_of(name: str, config: Config, groups: Groups) -> Split:
    """One expert's. Raises EngineError where nothing is left to learn from."""
    skills, shard = config.experts[name], config.shards.get(name)
    own = split(groups, skills, shard, config.held_out, config.seed)
    if own.learned:
        return own
    raise EngineError(
        f"Expert {name} has no picture to learn from. Paint more, or cut fewer shards."
    )
