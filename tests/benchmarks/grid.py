"""A 5 x 5 grid over two experts' weights: one batch of mixtures against 25 runs with `set_adapters`.

Both paint by our sampler: what is compared is the batch.
"""
from collections.abc import Iterator
from itertools import product

import torch

from engine.models.diffusion import PaintingOptions
from engine.models.mixture import Mixture
from tests.benchmarks import worlds
from tests.benchmarks.measure import Row, Settings, faster

SIDE = (0.0, 0.25, 0.5, 0.75, 1.0)
GUIDANCE = 3.5
SEED = 3


def rows(settings: Settings) -> Iterator[Row]:
    """Same cells, same noise; the pictures must agree."""
    ours, theirs = worlds.painter(settings), worlds.painter(settings)
    made = worlds.experts(ours.pipe.unet, 2)
    mixture, cells, steps = Mixture(ours.pipe.unet, made), list(product(SIDE, SIDE)), 2 if settings.quick else 10
    for name, expert in made.items():
        worlds.load_as_adapter(theirs, name, expert)

    def grid() -> list[torch.Tensor]:
        mixes = mixture.rows([dict(zip(made, cell, strict=True)) for cell in cells])
        texts, seeds = [worlds.TEXT] * len(cells), [SEED] * len(cells)
        painted = ours.paint(texts, seeds, GUIDANCE, PaintingOptions(steps, mixture=mixture, mix=mixes))
        return [picture.latents for picture in painted]

    def runs() -> list[torch.Tensor]:
        found = []
        for cell in cells:
            theirs.pipe.set_adapters(list(made), list(cell))
            found += theirs.paint([worlds.TEXT], [SEED], GUIDANCE, PaintingOptions(steps))
        return [picture.latents for picture in found]

    difference = max(float((a - b).norm() / b.norm()) for a, b in zip(grid(), runs(), strict=True))
    yield faster(f"5x5 grid over two experts, {steps} steps", grid, runs, 1 if settings.quick else 5, "",
                 **{"largest relative difference": round(difference, 7)})
