"""Families that have no file of their own are painted by their pipeline's call: one guidance scale,
no experts.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from engine.core.errors import EngineError
from engine.models import families, samplers
from engine.models.sampling import PaintingOptions


def sample(
    pipe: Any,
    texts: Sequence[str],
    seeds: Sequence[int],
    guidances: Sequence[float],
    options: PaintingOptions,
) -> Tensor:
    """Latents (n, c, h, w). Raises EngineError for what only our own loop can do."""
    name = type(pipe).__name__
    if options.mixture is not None or len(set(guidances)) > 1:
        raise EngineError(
            f"A {name} paints with one guidance scale and without experts. "
            f"Choose a base of {families.choices()}."
        )
    pipe.scheduler = samplers.scheduler(pipe, options.sampler)
    generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
    latents = pipe(
        list(texts),
        guidance_scale=guidances[0],
        num_inference_steps=options.steps,
        generator=generators,
        output_type="latent",
        callback_on_step_end=_after_step(options),
    ).images
    if latents.dim() == 3 and hasattr(pipe, "_unpack_latents"):
        side = pipe.default_sample_size * pipe.vae_scale_factor
        latents = pipe._unpack_latents(latents, side, side, pipe.vae_scale_factor)
    if latents.dim() != 4:
        raise EngineError(
            f"A {name} packs its latents in an unknown way. Choose another checkpoint."
        )
    return latents


def _after_step(options: PaintingOptions) -> Any:
    """diffusers' callback, which calls ours."""

    def called(_: Any, step: int, __: Any, values: dict[str, Any]) -> dict[str, Any]:
        if options.callback:
            options.callback(step + 1, options.steps, values["latents"])
        return values

    return called
