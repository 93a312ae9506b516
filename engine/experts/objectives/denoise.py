"""Plain denoising: the squared error of the predicted noise, or velocity where the base predicts
that.

What SELMA fine-tunes with. [DDPM](https://arxiv.org/abs/2006.11239), eq. 14;
[v-prediction](https://arxiv.org/abs/2202.00512), appendix D.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.experts.sources import pictures

if TYPE_CHECKING:
    from torch import Tensor

    from engine.experts.predictions import Predictions
    from engine.experts.sources.pictures.batches import Batch

NEEDS = "pictures"


@dataclass(frozen=True, kw_only=True)
class Config(pictures.Config):
    pass


def loss(model: "Predictions", batch: "Batch", config: Config) -> "Tensor":
    """(rows,): mean over channels and pixels."""
    from engine.experts.predictions import POLICY

    (error,) = model.errors((batch, POLICY))
    return error
