"""Pictures a second, text and decoding included, against the bare UNet forwards of the same sampler."""
from collections.abc import Iterator

import torch

from engine.models.mixture import Mixture
from engine.models.sampling import noise
from tests.benchmarks import worlds
from tests.benchmarks.measure import Row, Settings, cost

PICTURES = 32
STEPS = 20


def rows(settings: Settings) -> Iterator[Row]:
    """Guided pictures: two rows each. With experts folded in, and without."""
    painter = worlds.painter(settings)
    unet, pictures = painter.pipe.unet, PICTURES if settings.size == "storybook" else 2
    mixture = Mixture(unet, worlds.experts(unet, 5))
    text, plain = painter.embed(["", worlds.TEXT] * pictures), worlds.painter(settings).pipe.unet
    start = noise(range(2 * pictures), painter.latent_shape).to(painter.device, unet.dtype)

    @torch.no_grad()
    def bare() -> None:
        for step in range(STEPS):
            plain(start, torch.tensor(950 - step * 45, device=painter.device), **text.conditions(), return_dict=False)

    def painted() -> None:
        painter.paint([worlds.TEXT] * pictures, range(pictures), 3.5, STEPS)

    def merged() -> None:
        halves = {"e0": 0.5, "e1": 0.5}
        painter.paint([worlds.TEXT] * pictures, range(pictures), 3.5, STEPS, mixture=mixture, mix=halves)

    repeats = 2 if settings.quick else 5
    yield cost(f"{pictures} pictures: painting / bare forwards", painted, bare, repeats, "<= 1.1")
    yield cost(f"{pictures} pictures of merged experts: painting / bare forwards", merged, bare, repeats, "<= 1.1")
