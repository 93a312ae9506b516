"""The picture codec: 64x64x3 to 16x16x8 and back, a `diffusers` AutoencoderKL. It caps what is
painted.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL
from torch import Tensor

from engine.core.events import Event
from engine.storybook.scenes import MOST_THINGS, Scene, Thing, paint, place
from engine.storybook.shapes import BACKGROUNDS, COLOURS, KINDS, STYLES
from engine.storybook.train.loop import Plan, train

PLAN = Plan(
    steps=2400, learning_rate=2e-3, warmup_steps=100, weight_decay=0.0, ema_decay=0.998, seed=11
)
BATCH = 16
SCENES = 16_000
FOREGROUND_WEIGHT = 5.0
KL_WEIGHT = 1e-6
STYLE_SHARES = (0.25, 0.25, 0.5)
"""Filled, outline, striped: stripes carry the finest detail and are lost first."""


def architecture() -> AutoencoderKL:
    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        latent_channels=8,
        sample_size=64,
        layers_per_block=1,
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(24, 48, 96),
        norm_num_groups=8,
        mid_block_add_attention=False,
    )


def random_scene(
    rng: np.random.Generator, least_things: int = 1, style_shares: tuple[float, ...] = (1 / 3,) * 3
) -> Scene:
    """Any things in any colours: the codec must not learn what is typical."""
    placed = None
    while placed is None:
        count = int(rng.integers(least_things, MOST_THINGS + 1))
        things = []
        for _ in range(count):
            kind, colour = str(rng.choice(KINDS)), str(rng.choice(list(COLOURS)))
            things.append(Thing(kind, colour))
        placed = place(things, [], rng)
    background = str(rng.choice(list(BACKGROUNDS)))
    style = str(rng.choice(STYLES, p=style_shares))
    return Scene(placed, background, style)


def to_tensor(pictures: np.ndarray) -> Tensor:
    """(n, 64, 64, 3) uint8 to (n, 3, 64, 64) in [-1, 1]."""
    pixels_NCHW = torch.from_numpy(pictures).permute(0, 3, 1, 2)
    return pixels_NCHW.float() / 127.5 - 1


def run(folder: Path, plan: Plan = PLAN) -> Iterator[Event]:
    """Train, resuming from `folder` when something is there."""
    rng = np.random.default_rng(plan.seed)
    drawings = []
    for _ in range(SCENES):
        scene = random_scene(rng, least_things=3, style_shares=STYLE_SHARES)
        drawings.append(paint(scene))
    pictures = np.stack(drawings)
    yield Event(f"drew {SCENES} scenes")
    torch.manual_seed(plan.seed)
    model = architecture().to(memory_format=torch.channels_last)

    def loss(step: int) -> Tensor:
        chosen = np.random.default_rng((plan.seed, step)).integers(0, SCENES, BATCH)
        pixels = to_tensor(pictures[chosen])
        noise = torch.Generator().manual_seed(plan.seed * 1_000_003 + step)
        channels_last = pixels.contiguous(memory_format=torch.channels_last)
        posterior = model.encode(channels_last).latent_dist
        rebuilt = model.decode(posterior.sample(noise)).sample
        return reconstruction_loss(rebuilt, pixels) + KL_WEIGHT * posterior.kl().mean()

    yield from train(model, loss, plan, folder)


def reconstruction_loss(rebuilt: Tensor, pixels: Tensor) -> Tensor:
    """L1 plus squares, things counted more than the background, which most pixels are."""
    background = pixels[:, :, :1, :1]
    off_background = (pixels - background).abs().amax(1, keepdim=True)
    foreground = (off_background > 0.1).float()
    weight = 1 + (FOREGROUND_WEIGHT - 1) * foreground
    error = rebuilt - pixels
    return (weight * (error.abs() + error.square())).mean()
