"""Diffusion-DPO: denoise the better picture of a pair more, and the worse one less, than the base
does.

[Diffusion-DPO](https://arxiv.org/abs/2311.12908), eq. 14. With m and r the squared errors of the
expert and of the base, each the *mean* over channels and pixels,

    loss = -log sigmoid(-beta / 2 * [(m_better - r_better) - (m_worse - r_worse)])

The paper writes beta T omega(lambda_t) in front of the bracket; here, as in the authors' code, T
and omega are part of beta and the factor 1/2 stands beside it. So beta = 5000 here is 2500 in
diffusers' example for Stable Diffusion 1.5, which has no 1/2, and 5000 / (c h w) where errors are
summed over channels and pixels. Both pictures of a pair have the same noise and noise level.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.experts.sources import pairs

if TYPE_CHECKING:
    from torch import Tensor

    from engine.experts.predictions import Predictions
    from engine.experts.sources.pairs.batches import PairBatch

NEEDS = "pairs"


@dataclass(frozen=True, kw_only=True)
class Config(pairs.Config):
    beta: float = field(
        default=5000.0,
        metadata={
            "help": "How closely the expert keeps to the base; in -beta / 2 times the difference "
            "of mean squared errors (diffusers' example has no 1/2: 5000 here is 2500 there)",
            "range": (0.0, 1e6),
        },
    )


def loss(model: "Predictions", batch: "PairBatch", config: Config) -> "Tensor":
    """(rows,), one per pair; log 2 where expert and base are the same."""
    from torch.nn import functional

    return -functional.logsigmoid(margin(model, batch, config.beta))


def margin(model: "Predictions", batch: "PairBatch", beta: float) -> "Tensor":
    """(rows,): above 0 where the expert prefers the better picture more than the base does."""
    from engine.experts.predictions import BASE, POLICY

    better, worse, base_better, base_worse = model.errors(
        (batch.better, POLICY),
        (batch.worse, POLICY),
        (batch.better, BASE),
        (batch.worse, BASE),
    )
    return -beta / 2 * ((better - base_better) - (worse - base_worse))
