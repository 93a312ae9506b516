"""The frozen base as objectives see it: noise a batch, predict, and what the prediction should have
been.
"""

from typing import Any

import torch
from diffusers import DDPMScheduler
from torch import Tensor

from engine.core.errors import EngineError
from engine.experts.batches import Batch
from engine.models.diffusion import Painter

WEIGHTS = {"fp32": torch.float32, "bf16": torch.bfloat16}
"""What the base is loaded in."""


class Denoiser:
    """A UNet with its noise schedule, frozen.

    x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) noise
    ([DDPM](https://arxiv.org/abs/2006.11239), eq. 4). Raises EngineError for a base that is no
    UNet, or that predicts neither noise nor velocity.
    """

    def __init__(self, painter: Painter) -> None:
        if not painter.is_unet:
            raise EngineError(
                f"{painter.model_id} is a {type(painter.pipe).__name__}: it can paint, but not be "
                "trained here. Choose Stable Diffusion 1, 2 or XL, or the base that ships."
            )
        schedule = DDPMScheduler.from_config(painter.pipe.scheduler.config)
        self.prediction = schedule.config.prediction_type
        if self.prediction not in ("epsilon", "v_prediction"):
            raise EngineError(
                f"{painter.model_id} predicts {self.prediction!r}. Choose a base that predicts "
                "noise "
                "(epsilon) or velocity (v_prediction)."
            )
        self.unet: Any = painter.pipe.unet.requires_grad_(False).eval()
        self.device, self.dtype = painter.device, self.unet.dtype
        self.timesteps = schedule.config.num_train_timesteps
        kept = torch.promote_types(self.dtype, torch.float32)
        signal = schedule.alphas_cumprod.to(self.device, torch.float64)
        self.signal, self.noise = signal.sqrt().to(kept), (1 - signal).sqrt().to(kept)

    def predict(self, batch: Batch) -> Tensor:
        """What the base, with the mixture that is set, makes of the noised batch: (rows, c, h, w),
        float32.
        """
        noisy = self._mixed(batch, batch.latents, batch.noise).to(
            self.dtype, memory_format=torch.channels_last
        )
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16):
            predicted = self.unet(
                noisy, batch.timesteps, **batch.text.conditions(), return_dict=False
            )[0]
        return predicted.to(self.signal.dtype)

    def target(self, batch: Batch) -> Tensor:
        """The noise, or the velocity sqrt(alpha_bar) noise - sqrt(1 - alpha_bar) x_0: (rows, c, h,
        w).
        """
        if self.prediction == "epsilon":
            return batch.noise
        return self._mixed(batch, batch.noise, -batch.latents)

    def _mixed(self, batch: Batch, signal: Tensor, noise: Tensor) -> Tensor:
        at = batch.timesteps
        return self.signal[at].view(-1, 1, 1, 1) * signal + self.noise[at].view(-1, 1, 1, 1) * noise
