"""Do the experts get in each other's way? From Gram matrices of their deltas, block by block.

Two experts whose deltas point the same way (cosine near 1) learned the same; near 0 they leave each
other alone; below 0 they undo each other's work. How much of a merge cancels is 1 - |sum w_i D_i| /
sum |w_i D_i|: 0 when all agree; equal experts that have nothing to do with each other lose 1 - 1 /
sqrt(T) by being averaged alone.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from engine.merge.deltas import by_layer

if TYPE_CHECKING:
    from engine.models.lora.factors import Expert

BLOCK = re.compile(
    r"(?:down_blocks|up_blocks|transformer_blocks|single_transformer_blocks)\.\d+|mid_block|[^.]+"
)
WHOLE = "all"


@dataclass(frozen=True)
class Block:
    """One part of the model, or all of it."""

    name: str
    norms: list[float]
    """Frobenius norm of each expert's delta."""
    cosines: list[list[float]]
    """Of every two experts' deltas."""
    cancellation: float
    """Share of the merge that cancels, in [0, 1]."""


@dataclass(frozen=True)
class Report:
    """Of some experts at some weights."""

    experts: list[str]
    blocks: list[Block]
    """The whole model first."""
    effective_ranks: list[float]
    """Mean over each expert's layers."""


def report(experts: Mapping[str, "Expert"], weights: Mapping[str, float]) -> Report:
    """`weights` by expert; a missing one counts as 1."""
    all_paths = list(by_layer(experts))
    paths = {WHOLE: all_paths}
    for path in all_paths:
        paths.setdefault(block_of(path), []).append(path)
    w = [weights.get(name, 1.0) for name in experts]
    blocks = [_block(name, experts, of_block, w) for name, of_block in paths.items()]
    ranks = [_mean_effective_rank(expert) for expert in experts.values()]
    return Report(list(experts), blocks, ranks)


def unrelated_cancellation(experts: int) -> float:
    """Share that the equal mean of so many experts loses where they have nothing to do with each
    other: at right angles its length is 1 / sqrt(n) of theirs.
    """
    return 1 - experts**-0.5


def block_of(path: str) -> str:
    """`down_blocks.1` of `down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_q`."""
    match = BLOCK.match(path)
    return match.group() if match else path


def _mean_effective_rank(expert: "Expert") -> float:
    from engine.models.lora import gram

    if not expert:
        return 0.0
    return fmean(map(gram.effective_rank, expert.values()))


def _block(
    name: str, experts: Mapping[str, "Expert"], paths: Sequence[str], weights: Sequence[float]
) -> Block:
    import torch

    from engine.models.lora import gram

    products = gram.gram(experts, paths)
    norms = products.diagonal().clamp(min=0).sqrt()
    w = torch.tensor(weights, dtype=products.dtype)
    # |sum w_i D_i|^2 = w' G w; rounding can make it slightly negative
    norm_of_sum = (w @ products @ w).clamp(min=0).sqrt()
    sum_of_norms = (w.abs() * norms).sum()
    cancellation = 0.0
    if sum_of_norms:
        cancellation = 1 - float(norm_of_sum) / float(sum_of_norms)
    return Block(name, norms.tolist(), gram.cosines(products).tolist(), cancellation)
