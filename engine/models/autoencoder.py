"""Pictures to latents and back, for every way a diffusers VAE scales, shifts or standardises them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

PIXELS_AT_ONCE = 64 * 64 * 64
"""What the VAE reads or writes in one pass: 64 pictures of 64x64, one of 512x512."""


@torch.no_grad()
def encode(vae: Any, pixels: Tensor) -> Tensor:
    """Latents (n, c, h, w), scaled as the denoiser sees them, of pixels (n, 3, height, width) in
    [-1, 1].

    The mean of the posterior where the VAE has one, so that a picture always has the same latents.
    """
    parts = pixels.to(vae.device, vae.dtype).split(_rows_at_once(pixels[0, 0].numel()))
    encoded = [vae.encode(part) for part in parts]
    raw = torch.cat([e.latent_dist.mode() if hasattr(e, "latent_dist") else e[0] for e in encoded])
    shift, scale = _statistics(vae, raw)
    return (raw - shift) * scale


@torch.no_grad()
def decode(vae: Any, latents: Tensor) -> Tensor:
    """Pixels (n, 3, height, width) in [-1, 1] of latents (n, c, h, w) scaled as the denoiser sees
    them.
    """
    shift, scale = _statistics(vae, latents)
    raw = (latents / scale + shift).to(vae.device, vae.dtype)
    rows = _rows_at_once(raw[0, 0].numel() * 8 * 8)
    return torch.cat([vae.decode(part, return_dict=False)[0] for part in raw.split(rows)]).clamp(
        -1, 1
    )


def to_images(pixels: Tensor) -> list[Image.Image]:
    """8-bit RGB pictures of pixels (n, 3, height, width) in [-1, 1]."""
    rounded = ((pixels.float() / 2 + 0.5) * 255).round().to(torch.uint8)
    return [Image.fromarray(picture) for picture in rounded.permute(0, 2, 3, 1).cpu().numpy()]


def to_pixels(images: Sequence[Image.Image], size: tuple[int, int] | None = None) -> Tensor:
    """(n, 3, height, width) in [-1, 1], resized (Lanczos) to `size` = (height, width) where it
    differs.
    """
    if size is not None:
        wanted = size[::-1]
        images = [
            i if i.size == wanted else i.resize(wanted, Image.Resampling.LANCZOS) for i in images
        ]
    stacked = np.stack([np.asarray(i.convert("RGB"), dtype=np.float32) for i in images])
    return torch.from_numpy(stacked).permute(0, 3, 1, 2) / 127.5 - 1


def _statistics(vae: Any, like: Tensor) -> tuple[Tensor, Tensor]:
    """(shift, scale), each (1, c or 1, 1, 1): what the denoiser sees = (raw - shift) * scale."""
    mean, deviation = vae.config.get("latents_mean"), vae.config.get("latents_std")
    if mean is None or deviation is None:
        mean, deviation = [vae.config.get("shift_factor") or 0.0], [1.0]
    shift, spread = (like.new_tensor(values).view(1, -1, 1, 1) for values in (mean, deviation))
    return shift, vae.config.scaling_factor / spread


def _rows_at_once(pixels: int) -> int:
    return max(1, PIXELS_AT_ONCE // pixels)
