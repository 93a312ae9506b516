"""Pictures to latents and back, however a diffusers VAE scales, shifts or standardises them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

PIXELS_AT_ONCE = 64 * 64 * 64
"""What the VAE reads or writes in one pass: 64 pictures of 64x64, one of 512x512."""
PIXELS_PER_LATENT = 8 * 8
"""Of Stable Diffusion's VAE; enough to guess how many pictures are decoded at once."""


@torch.no_grad()
def encode(vae: Any, pixels: Tensor) -> Tensor:
    """Latents (n, c, h, w), scaled as the denoiser sees them, of pixels (n, 3, height, width) in
    [-1, 1].

    The mean of the posterior where the VAE has one, so that a picture always has the same latents.
    """
    rows = _rows_at_once(pixels[0, 0].numel())
    encoded = []
    for part in pixels.to(vae.device, vae.dtype).split(rows):
        posterior = vae.encode(part)
        is_drawn = hasattr(posterior, "latent_dist")
        encoded.append(posterior.latent_dist.mode() if is_drawn else posterior[0])
    raw = torch.cat(encoded)
    shift, scale = _statistics(vae, raw)
    return (raw - shift) * scale


@torch.no_grad()
def decode(vae: Any, latents: Tensor) -> Tensor:
    """Pixels (n, 3, height, width) in [-1, 1] of latents (n, c, h, w) scaled as the denoiser sees
    them.
    """
    shift, scale = _statistics(vae, latents)
    raw = (latents / scale + shift).to(vae.device, vae.dtype)
    rows = _rows_at_once(raw[0, 0].numel() * PIXELS_PER_LATENT)
    decoded = [vae.decode(part, return_dict=False)[0] for part in raw.split(rows)]
    return torch.cat(decoded).clamp(-1, 1)


def to_images(pixels: Tensor) -> list[Image.Image]:
    """8-bit RGB pictures of pixels (n, 3, height, width) in [-1, 1]."""
    levels = ((pixels.float() / 2 + 0.5) * 255).round().to(torch.uint8)
    levels_NHWC = levels.permute(0, 2, 3, 1).cpu().numpy()
    return [Image.fromarray(picture) for picture in levels_NHWC]


def to_pixels(images: Sequence[Image.Image], size: tuple[int, int] | None = None) -> Tensor:
    """(n, 3, height, width) in [-1, 1], resized (Lanczos) to `size` = (height, width) where it
    differs.
    """
    pictures = []
    for image in images:
        if size is not None and image.size != size[::-1]:
            image = image.resize(size[::-1], Image.Resampling.LANCZOS)
        pictures.append(np.asarray(image.convert("RGB"), dtype=np.float32))
    levels_NHWC = torch.from_numpy(np.stack(pictures))
    return levels_NHWC.permute(0, 3, 1, 2) / 127.5 - 1


def _statistics(vae: Any, like: Tensor) -> tuple[Tensor, Tensor]:
    """(shift, scale), each (1, c or 1, 1, 1): what the denoiser sees = (raw - shift) * scale."""
    mean, deviation = vae.config.get("latents_mean"), vae.config.get("latents_std")
    if mean is None or deviation is None:
        mean, deviation = [vae.config.get("shift_factor") or 0.0], [1.0]
    shift_1C11 = like.new_tensor(mean).view(1, -1, 1, 1)
    spread_1C11 = like.new_tensor(deviation).view(1, -1, 1, 1)
    return shift_1C11, vae.config.scaling_factor / spread_1C11


def _rows_at_once(pixels: int) -> int:
    return max(1, PIXELS_AT_ONCE // pixels)
