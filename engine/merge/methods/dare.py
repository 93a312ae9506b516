"""DARE: drop entries of every delta at random, enlarge the others to make up for it, then sum or
elect signs.

What is dropped comes from the seed. The merged deltas have no low rank of their own and are cut to
one. [DARE](https://arxiv.org/abs/2311.03099), section 3
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.core.options import option
from engine.merge import sparsity
from engine.merge.deltas import Merge

if TYPE_CHECKING:
    from engine.models.lora.factors import Expert


@dataclass(frozen=True)
class Config:
    density: float = option(
        0.5, "Share of entries that stay; 1 minus the paper's drop rate", range=(0.001, 1.0)
    )
    agree: sparsity.Agreement = option(
        "sum", "How they come together: the weighted sum, or as TIES does"
    )
    strength: float = option(1.0, "Multiplies the result", range=(0.0, 10.0))
    rank: int = option(0, "Of the merged LoRA; 0: the sum of the experts' ranks", range=(0, 4096))
    seed: int = option(0, "What is dropped", range=(0, 2**31 - 1))


def prepare(
    experts: Mapping[str, "Expert"], config: Config
) -> Callable[[Mapping[str, float]], Merge]:
    sparsify = sparsity.keep_at_random(config.density, config.seed)
    return sparsity.prepare(experts, sparsify, config.agree, config.rank, config.strength)
