"""Text-to-image checkpoints of any diffusers family behind one Painter: embed, paint, encode,
decode.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from engine.core.errors import EngineError
from engine.core.texts import check
from engine.models import (
    autoencoder,
    checkpoints,
    encoders,
    families,
    pipelines,
    samplers,
    sampling,
    stock_painting,
)
from engine.models.conditions import Conditions
from engine.models.sampling import Painting
from engine.models.sampling import PaintingOptions as PaintingOptions


@dataclass(frozen=True)
class PaintedPicture:
    """A picture, and its latents (c, h, w) before decoding: float32, on the CPU, as the network
    sees them.
    """

    image: Image.Image
    latents: Tensor


class Painter:
    """A loaded checkpoint; `pipe` is the plain diffusers pipeline."""

    def __init__(
        self,
        pipe: Any,
        device: torch.device,
        model_id: str,
        folder: Path,
        encoder: str = encoders.NATIVE,
    ) -> None:
        self.pipe, self.device, self.model_id, self.folder = pipe, device, model_id, folder
        self.encoder = encoder
        self.family = families.of_pipeline(pipe)
        """None where it can paint alone."""

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the weight files, for recipes."""
        return checkpoints.fingerprint(self.folder)

    @property
    def text_identity(self) -> str:
        """What decides the conditions that a text becomes: the weights, and the encoder."""
        return encoders.identity(self.fingerprint, self.encoder)

    def known_family(self, verb: str = "trained or mixed") -> families.Family:
        """Raises EngineError for a pipeline that no family takes, which cannot be `verb` then."""
        if self.family is None:
            raise families.unknown_pipeline(self.model_id, type(self.pipe).__name__, verb)
        return self.family

    @property
    def module(self) -> Any:
        """The network that experts change."""
        return getattr(self.pipe, self.known_family().MODULE)

    @property
    def dtype(self) -> torch.dtype:
        """Of the network's weights."""
        return self.module.dtype

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """(c, h, w) of one picture's latents at the checkpoint's own size."""
        return self.known_family().latent_shape(self.pipe)

    @property
    def size_pixels(self) -> tuple[int, int]:
        """(height, width) of a picture."""
        _, height, width = self.latent_shape
        return height * self.pipe.vae_scale_factor, width * self.pipe.vae_scale_factor

    @property
    def stored_names(self) -> dict[str, str | None]:
        """Each condition with the name of its empty row in files of latents."""
        return dict(self.known_family().stored_names(self.pipe))

    @torch.no_grad()
    def embed(self, texts: Sequence[str]) -> Conditions:
        """What the network reads of texts, a row each."""
        family = self.known_family()

        def read(some: Sequence[str]) -> Conditions:
            return family.read(self.pipe, some, self.device)

        return encoders.load(self.encoder).encode(read, texts)

    @cached_property
    def empty(self) -> Conditions:
        """One row: what guidance leads away from, and what a dropped caption becomes."""
        return self.known_family().empty(self.pipe, self.embed([""]))

    def predict(self, noisy: Tensor, times: Tensor, text: Conditions) -> Tensor:
        """What the network makes of noisy latents (n, c, h, w) at its times (n,) or ()."""
        return self.known_family().predict(self.module, noisy, times, text)

    def encode(self, pixels: Tensor) -> Tensor:
        """Latents (n, c, h, w), scaled as the network sees them, of pixels (n, 3, height, width) in
        [-1, 1].
        """
        return autoencoder.encode(self.pipe.vae, pixels)

    def decode(self, latents: Tensor) -> Tensor:
        """Pixels (n, 3, height, width) in [-1, 1] of latents (n, c, h, w) scaled as the network
        sees them.
        """
        return autoencoder.decode(self.pipe.vae, latents)

    def round_trip(self, images: Sequence[Image.Image]) -> list[Image.Image]:
        """The pictures after the VAE's encoder and decoder, at the size that is painted."""
        size = None if self.family is None else self.size_pixels
        pixels = autoencoder.to_pixels(images, size)
        return autoencoder.to_images(self.decode(self.encode(pixels)))

    def paint(
        self,
        texts: Sequence[str],
        seeds: Sequence[int],
        guidance: float | Sequence[float],
        options: PaintingOptions,
    ) -> list[PaintedPicture]:
        """One picture for each text, each from a CPU generator of its own seed.

        The same texts, seeds and batch size give the same bits; another batch size differs by 1/255
        at most. Guidance and mix may differ by picture where a family takes the checkpoint.
        """
        scales = [float(guidance)] * len(texts) if isinstance(guidance, int | float) else guidance
        mixes = options.mix_rows()
        _check_counts(len(texts), seeds, scales, mixes)
        check(texts)
        painted: list[PaintedPicture] = []
        for first in range(0, len(texts), options.batch_size):
            part = slice(first, first + options.batch_size)
            own_mixes = mixes if mixes is None or len(mixes) == 1 else mixes[part]
            own_options = replace(options, mix=own_mixes)
            latents = self._latents(texts[part], seeds[part], scales[part], own_options)
            images = autoencoder.to_images(self.decode(latents))
            for image, own_latents in zip(images, latents.float().cpu(), strict=True):
                painted.append(PaintedPicture(image, own_latents))
        return painted

    def sample(
        self,
        text: Conditions,
        noise: Tensor,
        guidance: float | Sequence[float],
        options: PaintingOptions,
    ) -> Tensor:
        """Latents (n, c, h, w) from standard normal noise of that shape; one batch."""
        family = self.known_family()
        scales = torch.as_tensor(guidance, dtype=torch.float32).expand(len(text))
        painting = Painting(
            noise.to(self.device),
            text,
            self.empty,
            scales.to(self.device),
            options.mixture,
            options.mix_rows(),
        )
        schedule = samplers.scheduler(self.pipe, options.sampler, family)
        extra = family.step_options(self.pipe, schedule)
        sampling.set_steps(schedule, options.steps, self.device, **extra)
        return sampling.sample(self.predict, schedule, painting, options.callback)

    def _latents(
        self,
        texts: Sequence[str],
        seeds: Sequence[int],
        guidances: Sequence[float],
        options: PaintingOptions,
    ) -> Tensor:
        """Of one batch."""
        if self.family is None:
            return stock_painting.sample(self.pipe, texts, seeds, guidances, options)
        noise = sampling.noise(seeds, self.latent_shape)
        return self.sample(self.embed(texts), noise, guidances, options)


def _check_counts(
    count: int, seeds: Sequence[int], scales: Sequence[float], mixes: Tensor | None
) -> None:
    mixes_fit = mixes is None or len(mixes) in (1, count)
    if len(seeds) != count or len(scales) != count or not mixes_fit:
        raise EngineError(f"Give {count} texts as many seeds, one or as many guidances and mixes.")


def load(
    model_id: str,
    revision: str | None = None,
    device: str | None = None,
    weights_dtype: torch.dtype | None = None,
    encoder: str = encoders.NATIVE,
) -> Painter:
    """Open a diffusers text-to-image pipeline: a Hub id, a folder, or a base that ships.

    Only safetensors, never code from the checkpoint, no safety checker. The weights are float16 on
    CUDA and float32 elsewhere unless told. Raises EngineError, naming the remedy, for what is
    missing, unreachable or no such pipeline, and where it cannot be read by the encoder.
    """
    encoders.load(encoder)
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    dtype = weights_dtype or (torch.float16 if device.startswith("cuda") else torch.float32)
    folder = checkpoints.pipeline_folder(model_id, revision)
    pipe = pipelines.load(model_id, folder, dtype).to(device)
    painter = Painter(pipe, torch.device(device), model_id, folder, encoder)
    if encoder != encoders.NATIVE:
        painter.known_family(f"read by the encoder {encoder}")
    return painter
