"""A frozen base as training sees it: noise rows, predict, and what should have been predicted."""

from typing import Any, Literal, Protocol

import torch
from torch import Tensor

from engine.models.conditions import Conditions
from engine.models.diffusion import Painter

WEIGHTS = {"fp32": torch.float32, "bf16": torch.bfloat16}
"""What the base is loaded in."""

Density = Literal["uniform", "logit_normal"]
"""Where on the way to noise it is learned: everywhere alike, or mostly in the middle."""


class Noisy(Protocol):
    """Rows that are noised and predicted."""

    @property
    def latents(self) -> Tensor:
        """(rows, c, h, w), as the network sees them."""

    @property
    def noise(self) -> Tensor:
        """Standard normal, (rows, c, h, w)."""

    @property
    def timesteps(self) -> Tensor:
        """(rows,), whole numbers drawn evenly from 0 to the denoiser's `timesteps` - 1."""

    @property
    def text(self) -> Conditions:
        """A row each."""


class Denoiser:
    """A base's network with its way to noise, frozen.

    Raises EngineError for a base that no family takes, or that predicts what cannot be trained.
    """

    def __init__(self, painter: Painter, density: Density = "uniform") -> None:
        self.family = painter.known_family("trained")
        self.module: Any = painter.module.requires_grad_(False).eval()
        self.device, self.dtype = painter.device, painter.dtype
        self._full_dtype = torch.promote_types(self.dtype, torch.float32)
        self.path = self.family.noise_path(painter.pipe, self.device, self._full_dtype)
        self.prediction = self.path.prediction
        self.timesteps = self.path.timesteps
        self._quantiles = None
        if density == "logit_normal":
            self._quantiles = logit_normal_timesteps(self.timesteps).to(self.device)

    def predict(self, batch: Noisy) -> Tensor:
        """What the base, with the mixture that is set, makes of the noised batch.

        (rows, c, h, w), float32.
        """
        timesteps = self._placed(batch.timesteps)
        noisy = self.path.noised(batch.latents, batch.noise, timesteps)
        times = self.path.network_times(timesteps)
        half = self.dtype == torch.bfloat16
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            predicted = self.family.predict(self.module, noisy, times, batch.text)
        return predicted.to(self._full_dtype)

    def target(self, batch: Noisy) -> Tensor:
        """What it should have been: noise, velocity, or the straight way; (rows, c, h, w)."""
        timesteps = self._placed(batch.timesteps)
        return self.path.target(batch.latents, batch.noise, timesteps)

    def _placed(self, timesteps: Tensor) -> Tensor:
        """Evenly drawn timesteps, moved to where the density has them."""
        return timesteps if self._quantiles is None else self._quantiles[timesteps]


def logit_normal_timesteps(count: int) -> Tensor:
    """For each of `count` even timesteps the one at the same quantile of the logit-normal density.

    [Stable Diffusion 3](https://arxiv.org/abs/2403.03206), eq. 19, with m = 0 and s = 1: whoever
    draws a timestep evenly and looks it up here has drawn it from that density.
    """
    middles = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    normal = torch.special.ndtri(middles)
    return (torch.sigmoid(normal) * count).long().clamp(max=count - 1)
