"""How a family goes from pictures to noise, and what its denoiser learns to predict on the way.

A path is walked in whole timesteps 0 ... `timesteps` - 1, later ones being noisier. What the
network is told of a timestep may be another number: `network_times`.
"""

from typing import Any, Protocol

import torch
from torch import Tensor

from engine.core.errors import EngineError


class NoisePath(Protocol):
    """Latents and noise are (n, c, h, w), timesteps whole numbers (n,)."""

    prediction: str
    """What the network predicts, as recipes record it."""
    timesteps: int

    def noised(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """The latents as far on their way to noise as the timesteps say."""

    def target(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """What the network should predict there."""

    def network_times(self, timesteps: Tensor) -> Tensor:
        """What the network is told."""


class AlphaBar:
    """x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) noise.

    [DDPM](https://arxiv.org/abs/2006.11239), eq. 4. The network predicts the noise, or the
    velocity of [progressive distillation](https://arxiv.org/abs/2202.00512), appendix D.
    """

    def __init__(self, config: Any, device: torch.device, dtype: torch.dtype) -> None:
        """`config` is a scheduler's. Raises EngineError where something else is predicted."""
        from diffusers import DDPMScheduler

        schedule = DDPMScheduler.from_config(config)
        self.prediction = schedule.config.prediction_type
        if self.prediction not in ("epsilon", "v_prediction"):
            raise EngineError(
                f"The base predicts {self.prediction!r}. Choose a base that predicts noise "
                "(epsilon) or velocity (v_prediction)."
            )
        self.timesteps = schedule.config.num_train_timesteps
        # In float64 first: 1 - alpha_bar loses digits where alpha_bar is near 1.
        alpha_bar = schedule.alphas_cumprod.to(device, torch.float64)
        self.signal_scale = alpha_bar.sqrt().to(dtype)
        self.noise_scale = (1 - alpha_bar).sqrt().to(dtype)

    def noised(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        return self._weighted(latents, noise, timesteps)

    def target(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        """The noise, or the velocity sqrt(alpha_bar) noise - sqrt(1 - alpha_bar) x_0."""
        if self.prediction == "epsilon":
            return noise
        return self._weighted(noise, -latents, timesteps)

    def network_times(self, timesteps: Tensor) -> Tensor:
        return timesteps

    def _weighted(self, signal: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        signal_scale = self.signal_scale[timesteps].view(-1, 1, 1, 1)
        noise_scale = self.noise_scale[timesteps].view(-1, 1, 1, 1)
        return signal_scale * signal + noise_scale * noise


class StraightLine:
    """x_t = (1 - sigma_t) x_0 + sigma_t noise; the network predicts the way along it, noise - x_0.

    [Rectified flow](https://arxiv.org/abs/2403.03206), eqs. 3 and 9. Timestep t has the sigma that
    a flow-matching scheduler gives it, its shift towards noise included, and the network is told
    sigma * timesteps, as diffusers' training script for SD 3 does.
    """

    prediction = "flow"

    def __init__(self, config: Any, device: torch.device, dtype: torch.dtype) -> None:
        """`config` is a flow-matching scheduler's."""
        from diffusers import FlowMatchEulerDiscreteScheduler

        schedule = FlowMatchEulerDiscreteScheduler.from_config(config)
        self.timesteps = schedule.config.num_train_timesteps
        # The scheduler begins at noise; a path begins at the picture.
        self.sigmas = schedule.sigmas.flip(0).to(device, dtype)

    def noised(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        sigmas = self.sigmas[timesteps].view(-1, 1, 1, 1)
        return (1 - sigmas) * latents + sigmas * noise

    def target(self, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
        return noise - latents

    def network_times(self, timesteps: Tensor) -> Tensor:
        return self.sigmas[timesteps] * self.timesteps
