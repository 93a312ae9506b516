"""Plain denoising: the squared error of the predicted noise, or velocity where the base predicts
that.

What SELMA fine-tunes with. [DDPM](https://arxiv.org/abs/2006.11239), eq. 14;
[v-prediction](https://arxiv.org/abs/2202.00512), appendix D.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from engine.experts.batches import Batch
    from engine.models.denoiser import Denoiser


@dataclass(frozen=True)
class Config:
    pass


def loss(denoiser: "Denoiser", batch: "Batch", config: Config) -> "Tensor":
    """(rows,): mean over channels and pixels."""
    error = denoiser.predict(batch) - denoiser.target(batch)
    return error.square().mean(dim=(1, 2, 3))
