"""Text-to-image checkpoints of any diffusers family behind one Painter: embed, paint, encode,
decode.
"""

import inspect
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from engine.core.errors import EngineError
from engine.core.texts import check
from engine.models import autoencoder, checkpoints, parts, weight_files
from engine.models.mixture import Mix, Mixture
from engine.models.sampling import Batch, Callback, Embeddings, noise, sample, scheduler

UNET_FAMILIES = ("StableDiffusionPipeline", "StableDiffusionXLPipeline")
"""Painted by our own loop, trained and mixed; every other family is painted by its pipeline's own
call.
"""
OTHER_TASKS = {"strength", "mask_image", "image_guidance_scale", "noise_level", "num_frames"}
"""Arguments of a pipeline's call that say it starts from a picture, or makes something else than
one.
"""


@dataclass(frozen=True)
class Painted:
    """A picture, and its latents (c, h, w) before decoding: float32, on the CPU, as the UNet sees
    them.
    """

    image: Image.Image
    latents: Tensor


class Painter:
    """A loaded checkpoint; `pipe` is the plain diffusers pipeline."""

    def __init__(self, pipe: Any, device: torch.device, model_id: str, folder: Path) -> None:
        self.pipe, self.device, self.model_id, self.folder = pipe, device, model_id, folder
        self.is_unet = (
            type(pipe).__name__ in UNET_FAMILIES and pipe.unet.config.time_cond_proj_dim is None
        )

    @cached_property
    def fingerprint(self) -> str:
        """sha256 of the weight files, for recipes."""
        return checkpoints.fingerprint(self.folder)

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """(c, h, w) of one picture's latents at the checkpoint's own size. UNet families only."""
        side = self.pipe.unet.config.sample_size
        height, width = (side, side) if isinstance(side, int) else side
        return self.pipe.unet.config.in_channels, height, width

    @property
    def size_pixels(self) -> tuple[int, int]:
        """(height, width) of a picture. UNet families only."""
        _, height, width = self.latent_shape
        return height * self.pipe.vae_scale_factor, width * self.pipe.vae_scale_factor

    @torch.no_grad()
    def embed(self, texts: Sequence[str]) -> Embeddings:
        """CLIP's last hidden state (n, tokens, dim); for SDXL both encoders', with pooled and time
        ids.
        """
        if not self.is_unet:
            raise EngineError(
                f"{self.model_id} is a {type(self.pipe).__name__}: it can paint, but not be "
                "trained or mixed here. Choose Stable Diffusion 1, 2 or XL, or the base that ships."
            )
        options = {
            "device": self.device,
            "num_images_per_prompt": 1,
            "do_classifier_free_guidance": False,
        }
        encoded = self.pipe.encode_prompt(list(texts), **options)
        if not hasattr(self.pipe, "text_encoder_2"):
            return Embeddings(encoded[0])
        tokens, _, pooled, _ = encoded
        ids = tokens.new_tensor([[*self.size_pixels, 0, 0, *self.size_pixels]])
        return Embeddings(tokens, pooled, ids.repeat(len(tokens), 1))

    @cached_property
    def empty(self) -> Embeddings:
        """One row: what guidance leads away from, and what a dropped caption becomes. SDXL's is
        zeros.
        """
        row = self.embed([""])
        if row.pooled is not None and self.pipe.config.force_zeros_for_empty_prompt:
            return Embeddings(
                torch.zeros_like(row.tokens), torch.zeros_like(row.pooled), row.time_ids
            )
        return row

    def encode(self, pixels: Tensor) -> Tensor:
        """Latents (n, c, h, w), scaled as the UNet sees them, of pixels (n, 3, height, width) in
        [-1, 1].
        """
        return autoencoder.encode(self.pipe.vae, pixels)

    def decode(self, latents: Tensor) -> Tensor:
        """Pixels (n, 3, height, width) in [-1, 1] of latents (n, c, h, w) scaled as the UNet sees
        them.
        """
        return autoencoder.decode(self.pipe.vae, latents)

    def round_trip(self, images: Sequence[Image.Image]) -> list[Image.Image]:
        """The pictures after the VAE's encoder and decoder, at the size that is painted."""
        pixels = autoencoder.to_pixels(images, self.size_pixels if self.is_unet else None)
        return autoencoder.to_images(self.decode(self.encode(pixels)))

    def paint(
        self,
        texts: Sequence[str],
        seeds: Sequence[int],
        guidance: float | Sequence[float],
        steps: int,  # noqa: PLR0913
        sampler: str = "dpmsolver++",
        batch_size: int = 32,
        mixture: Mixture | None = None,
        mix: Mix | None = None,
        callback: Callback | None = None,
    ) -> list[Painted]:
        """A picture a text, each from a CPU generator of its own seed.

        The same texts, seeds and batch size give the same bits; another batch size differs by 1/255
        at most. `guidance` and `mix` (named weights, or (n or 1, experts)) may differ by picture in
        UNet families.
        """
        scales = (
            [float(guidance)] * len(texts) if isinstance(guidance, int | float) else list(guidance)
        )
        rows = _mix_rows(mixture, mix)
        counts = {
            len(seeds),
            len(scales),
            len(texts) if rows is None or len(rows) == 1 else len(rows),
        }
        if counts != {len(texts)}:
            raise EngineError(
                f"Give {len(texts)} texts as many seeds, one or as many guidances and mixes."
            )
        check(texts)
        painted: list[Painted] = []
        for first in range(0, len(texts), batch_size):
            part = slice(first, first + batch_size)
            if self.is_unet:
                mixes = rows if rows is None or len(rows) == 1 else rows[part]
                start = noise(seeds[part], self.latent_shape)
                latents = self.sample(
                    self.embed(texts[part]),
                    start,
                    scales[part],
                    steps,
                    sampler,
                    mixture,
                    mixes,
                    callback,
                )
            else:
                latents = self._sample_by_pipe(
                    texts[part], seeds[part], scales[part], steps, sampler, mixture, callback
                )
            images = autoencoder.to_images(self.decode(latents))
            painted += [Painted(i, z) for i, z in zip(images, latents.float().cpu(), strict=True)]
        return painted

    def sample(
        self,
        text: Embeddings,
        start: Tensor,
        guidance: float | Sequence[float],
        steps: int,  # noqa: PLR0913
        sampler: str = "dpmsolver++",
        mixture: Mixture | None = None,
        mix: Mix | None = None,
        callback: Callback | None = None,
    ) -> Tensor:
        """Latents (n, c, h, w) from `start`, standard normal of that shape; one batch. UNet
        families only.
        """
        scales = torch.as_tensor(guidance, dtype=torch.float32).expand(len(text)).to(self.device)
        batch = Batch(
            start.to(self.device), text, self.empty, scales, mixture, _mix_rows(mixture, mix)
        )
        return sample(self.pipe.unet, scheduler(self.pipe, sampler), batch, steps, callback)

    def _sample_by_pipe(
        self,
        texts: Sequence[str],
        seeds: Sequence[int],  # noqa: PLR0913
        guidances: Sequence[float],
        steps: int,
        sampler: str,
        mixture: Mixture | None,
        callback: Callback | None,
    ) -> Tensor:
        """A family without our loop: one guidance scale and no mixture."""
        family = type(self.pipe).__name__
        if mixture is not None or len(set(guidances)) > 1:
            raise EngineError(
                f"A {family} paints with one guidance scale and without experts. "
                "Choose Stable Diffusion 1, 2 or XL, or the base that ships."
            )

        def after_step(_: Any, step: int, __: Any, values: dict[str, Any]) -> dict[str, Any]:
            if callback:
                callback(step + 1, steps, values["latents"])
            return values

        self.pipe.scheduler = scheduler(self.pipe, sampler)
        latents = self.pipe(
            list(texts),
            guidance_scale=guidances[0],
            num_inference_steps=steps,
            generator=[torch.Generator("cpu").manual_seed(s) for s in seeds],
            output_type="latent",
            callback_on_step_end=after_step,
        ).images
        if latents.dim() == 3 and hasattr(self.pipe, "_unpack_latents"):
            side = self.pipe.default_sample_size * self.pipe.vae_scale_factor
            latents = self.pipe._unpack_latents(latents, side, side, self.pipe.vae_scale_factor)
        if latents.dim() != 4:
            raise EngineError(
                f"A {family} packs its latents in an unknown way. Choose another checkpoint."
            )
        return latents


def _mix_rows(mixture: Mixture | None, mix: Mix | None) -> Tensor | None:
    """(rows, experts), or None for the base."""
    if mix is None:
        return None
    assert mixture is not None, "a mix without its mixture"
    return mixture.rows([mix]) if isinstance(mix, Mapping) else torch.atleast_2d(mix)


def load(
    model_id: str,
    revision: str | None = None,
    device: str | None = None,
    weights_dtype: torch.dtype | None = None,
) -> Painter:
    """Open a diffusers text-to-image pipeline: a Hub id, a folder, or a base that ships.

    Only safetensors, never code from the checkpoint, no safety checker. The weights are float16 on
    CUDA and float32 elsewhere unless told; the VAE stays in float32, because SDXL's overflows below
    it. Raises EngineError, naming the remedy, for what is missing, unreachable or no such pipeline.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    dtype = weights_dtype or (torch.float16 if device.startswith("cuda") else torch.float32)
    folder = checkpoints.pipeline_folder(model_id, revision)
    pipe = _open(model_id, folder, dtype)
    # It would log every text longer than CLIP's window, and paragraphs are meant to overflow it.
    logging.getLogger(type(pipe).__module__).setLevel(logging.ERROR)
    pipe.set_progress_bar_config(disable=True)
    for part in (getattr(pipe, "unet", None), pipe.vae):
        if part is not None:
            part.to(
                memory_format=torch.channels_last
            )  # their convolutions are a fifth faster so, on a CPU, too
    return Painter(pipe.to(device), torch.device(device), model_id, folder)


def _open(model_id: str, folder: Path, dtype: torch.dtype) -> Any:
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    for library in (diffusers_logging, transformers_logging):
        library.disable_progress_bar()
    try:
        index = weight_files.read_index(folder)
        kind = parts.pipeline_class(index)
        _check_paints(model_id, kind)
        modules = parts.opened(folder, index, {"vae": torch.float32, "default": dtype})
        left_out = {name: value for name, value in checkpoints.LEFT_OUT.items() if name in index}
        return kind.from_pretrained(folder, local_files_only=True, **modules, **left_out)
    except EngineError:
        raise
    except Exception as error:  # foreign files in a foreign library: it may raise anything
        raise checkpoints.faulty(model_id, checkpoints.PIPELINE, parts.because(error)) from error


def _check_paints(model_id: str, kind: Any) -> None:
    asked = set(inspect.signature(kind.__call__).parameters)
    if "prompt" not in asked or asked & OTHER_TASKS:
        raise EngineError(
            f"{model_id} is a {kind.__name__}, which does not paint from text. "
            "Choose a text-to-image checkpoint."
        )
    if "vae" not in inspect.signature(kind.__init__).parameters:
        raise EngineError(
            f"{model_id} is a {kind.__name__}, which paints without a VAE. "
            "Choose Stable Diffusion, SD 3, Flux or another family that has one."
        )
