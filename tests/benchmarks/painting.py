"""Pictures a second, text and decoding included, against the bare UNet forwards of the same sampler."""
from collections.abc import Iterator
from dataclasses import replace

import torch

from engine.models.diffusion import PaintingOptions
from engine.models.mixture import Mixture
from engine.models.sampling import noise
from tests.benchmarks import worlds
from tests.benchmarks.measure import Row, Settings, cost

STEPS = 20


def rows(settings: Settings) -> Iterator[Row]:
    """Guided pictures: two rows each. With experts folded in, and without."""
    painter = worlds.painter(settings)
    unet, pictures = painter.pipe.unet, 2 if settings.size != "storybook" else 4 if settings.quick else 32
    mixture = Mixture(unet, worlds.experts(unet, 5))
    text, plain = painter.embed(["", worlds.TEXT] * pictures), worlds.painter(settings).pipe.unet
    start = noise(range(2 * pictures), painter.latent_shape).to(painter.device, unet.dtype)

    keywords = worlds.unet_keywords(text)

    @torch.no_grad()
    def bare() -> None:
        for step in range(STEPS):
            plain(start, torch.tensor(950 - step * 45, device=painter.device), **keywords, return_dict=False)

    def painted() -> None:
        painter.paint([worlds.TEXT] * pictures, range(pictures), 3.5, PaintingOptions(STEPS))

    def merged() -> None:
        halves = {"e0": 0.5, "e1": 0.5}
        painter.paint([worlds.TEXT] * pictures, range(pictures), 3.5,
                      PaintingOptions(STEPS, mixture=mixture, mix=halves))

    repeats = 1 if settings.quick else 5
    for what, work in (("pictures", painted), ("pictures of merged experts", merged)):
        row = cost(f"{pictures} {what}: painting / bare forwards", work, bare, repeats, "<= 1.1")
        yield replace(row, more={"pictures a second": round(pictures / row.ours, 2)})
