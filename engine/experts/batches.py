"""What an expert sees at which step: a function of seed, name and step, and of nothing else.

So an expert learns the same alone or beside others, and a checkpoint needs no state of any random
generator.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.core.hashing import derived_seed
from engine.experts import Training
from engine.experts.pool import Pool
from engine.models.conditions import Conditions

HELD_OUT_TIMES = 4
"""Noise levels at which each held-out picture is measured, evenly spread."""


@dataclass(frozen=True)
class Batch:
    """Rows of one forward pass."""

    latents: Tensor
    """(rows, c, h, w), float32, as the network sees them."""
    text: Conditions
    noise: Tensor
    """Standard normal, (rows, c, h, w), float32."""
    timesteps: Tensor
    """(rows,), integers."""

    def __len__(self) -> int:
        return len(self.timesteps)

    def __getitem__(self, rows: slice) -> "Batch":
        return Batch(
            self.latents[rows], self.text.rows(rows), self.noise[rows], self.timesteps[rows]
        )

    @staticmethod
    def cat(parts: "Sequence[Batch]") -> "Batch":
        """The rows of all parts, one after another."""
        return Batch(
            torch.cat([p.latents for p in parts]),
            Conditions.cat([p.text for p in parts]),
            torch.cat([p.noise for p in parts]),
            torch.cat([p.timesteps for p in parts]),
        )


@dataclass(frozen=True)
class Rows:
    """Rows of the pool that one expert learns from and is measured on."""

    learned: list[int]
    held_out: list[int]


def choose(
    pool: Pool, skills: Sequence[str], shard: Sequence[int] | None, held_out: float, seed: int
) -> Rows:
    """The rows of some skills, or a random shard [index, of how many, seed] of them.

    What is held out depends on the skill alone, so no expert learns what another one is measured
    on; the shards of one seed share the rows out among them.
    """
    learned: list[int] = []
    kept: list[int] = []
    for skill in skills:
        rows = pool.rows[skill]
        mixed = [rows[i] for i in _permutation(len(rows), seed, skill, "held out").tolist()]
        count = min(round(held_out * len(rows)) or int(held_out > 0), len(rows) - 1)
        kept += sorted(mixed[:count])
        learned += sorted(mixed[count:])
    if shard is None:
        return Rows(learned, kept)
    index, many, shard_seed = shard
    parts = [
        [rows[i] for i in _permutation(len(rows), shard_seed, "shard").tolist()]
        for rows in (learned, kept)
    ]
    return Rows(*(sorted(part[index::many]) for part in parts))


class Stream:
    """One expert's batches, on the pool's device."""

    def __init__(self, name: str, pool: Pool, rows: Rows, training: Training, seed: int) -> None:
        self.name, self.pool, self.training, self.seed = name, pool, training, seed
        self.rows, self.rows_per_step = rows, training.batch_size * training.accumulation
        epochs = -(-training.steps * self.rows_per_step // len(rows.learned))
        learned = torch.tensor(rows.learned)
        order = [
            learned[_permutation(len(learned), seed, name, "epoch", epoch)]
            for epoch in range(epochs)
        ]
        self._order = torch.cat(order).to(pool.latents.device)
        self._held_out = torch.tensor(rows.held_out, dtype=torch.long, device=pool.latents.device)

    def batch(self, step: int, timesteps: int) -> Batch:
        """All rows of optimiser step `step`, with times below `timesteps`."""
        rows = self._order[step * self.rows_per_step : (step + 1) * self.rows_per_step]
        latents, device = self.pool.latents[rows].to(self.pool.dtype), self.pool.latents.device
        generator = torch.Generator(device).manual_seed(
            derived_seed(self.seed, self.name, "step", step)
        )
        times = torch.randint(timesteps, (len(rows),), generator=generator, device=device)
        noise = torch.randn(latents.shape, generator=generator, device=device).to(latents.dtype)
        chances = torch.rand(2, len(rows), generator=generator, device=device)
        if self.training.flip:
            latents = torch.where(chances[1].view(-1, 1, 1, 1) < 0.5, latents.flip(-1), latents)
        return Batch(
            latents,
            self.pool.captions(rows, chances[0] < self.training.caption_dropout),
            noise,
            times,
        )

    def held_out(self, timesteps: int) -> Iterator[Batch]:
        """The held-out pictures, each at the same times and with the same noise whenever it is
        asked for.
        """
        times = torch.arange(HELD_OUT_TIMES, device=self._held_out.device) * 2 + 1
        times = times * timesteps // (2 * HELD_OUT_TIMES)
        at_once = max(1, self.training.batch_size // HELD_OUT_TIMES)
        for pictures in self._held_out.split(at_once) if len(self._held_out) else ():
            rows = pictures.repeat_interleave(HELD_OUT_TIMES)
            noise = torch.cat([self._noise(row) for row in pictures.tolist()])
            yield Batch(
                self.pool.latents[rows].to(self.pool.dtype),
                self.pool.captions(rows),
                noise,
                times.repeat(len(pictures)),
            )

    def _noise(self, row: int) -> Tensor:
        generator = torch.Generator().manual_seed(
            derived_seed(self.seed, self.pool.name(row), "held out")
        )
        noise = torch.randn(HELD_OUT_TIMES, *self.pool.latents.shape[1:], generator=generator)
        return noise.to(self.pool.latents.device, self.pool.dtype)


def _permutation(count: int, *seed: object) -> Tensor:
    return torch.randperm(count, generator=torch.Generator().manual_seed(derived_seed(*seed)))
