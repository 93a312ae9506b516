"""DARE: drop entries of every delta at random, enlarge the others to make up for it, then sum or
elect signs.

What is dropped comes from the seed. The merged deltas have no low rank of their own and are cut to
one. [DARE](https://arxiv.org/abs/2311.03099), section 3
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
        default=0.5,
        metadata={
            "help": "Share of entries that stay; 1 minus the paper's drop rate",
            "range": (0.001, 1.0),
        },
    )
    agree: sparsity.Agreement = field(
        default="sum",
        metadata={"help": "How they come together: the weighted sum, or as TIES does"},
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
    seed: int = field(default=0, metadata={"help": "What is dropped", "range": (0, 2**31 - 1)})


def prepare(
    experts: Mapping[str, "Expert"], config: Config
) -> Callable[[Mapping[str, float]], Merge]:
    sparsify = sparsity.keep_at_random(config.density, config.seed)
    return sparsity.prepare(experts, sparsify, config.agree, config.rank, config.strength)
