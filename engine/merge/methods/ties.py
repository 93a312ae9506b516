"""TIES: trim every delta to its largest entries, elect a sign for each, take the mean of those that
agree.

The merged deltas have no low rank of their own and are cut to one. Weights count relative to each
other; `strength` is the paper's lambda. [TIES](https://arxiv.org/abs/2306.01708), algorithm 1, here
layer by layer
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine.merge import sparsity
from engine.merge.deltas import Merge

if TYPE_CHECKING:
    from engine.models.lora.factors import Expert


@dataclass(frozen=True)
class Config:
    density: float = field(
        default=0.2,
        metadata={"help": "Share of entries that stay; the paper: 0.2", "range": (0.001, 1.0)},
    )
    agree: sparsity.Agreement = field(
        default="elected sign",
        metadata={
            "help": "How they come together: as in the paper, or by the weighted sum of what was "
            "trimmed"
        },
    )
    strength: float = field(
        default=1.0, metadata={"help": "Multiplies the result", "range": (0.0, 10.0)}
    )
    rank: int = field(
        default=0,
        metadata={
            "help": "Of the merged LoRA; 0: the sum of the experts' ranks",
            "range": (0, 4096),
        },
    )


def prepare(
    experts: Mapping[str, "Expert"], config: Config
) -> Callable[[Mapping[str, float]], Merge]:
    sparsify = sparsity.keep_largest(config.density)
    return sparsity.prepare(experts, sparsify, config.agree, config.rank, config.strength)
