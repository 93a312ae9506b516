"""Inner products of LoRA deltas from their factors; no out x in matrix is ever formed.

<s_i B_i A_i, s_j B_j A_j> = s_i s_j tr((B_i' B_j) (A_j A_i')), a product of two small matrices a
layer.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from engine.models.lora.factors import Expert, Factors


def inner(one: Factors, other: Factors) -> float:
    """The sum over all entries of the product of two deltas of one layer."""
    small = (one.b.double().T @ other.b.double()) * (
        one.a.flatten(1).double() @ other.a.flatten(1).double().T
    )
    return one.scale * other.scale * float(small.sum())


def gram(experts: Mapping[str, Expert], paths: Sequence[str]) -> Tensor:
    """(experts, experts) inner products over some layers, float64; a layer an expert leaves alone
    counts as zero.
    """
    found = torch.zeros(len(experts), len(experts), dtype=torch.float64)
    for i, one in enumerate(experts.values()):
        for j, other in enumerate(experts.values()):
            if j <= i:
                found[i, j] = found[j, i] = sum(
                    inner(one[path], other[path]) for path in paths if path in one and path in other
                )
    return found


def cosines(products: Tensor) -> Tensor:
    """Of a Gram matrix; an expert without a delta has cosine 0 to all."""
    norms = products.diagonal().clamp(min=0).sqrt()
    scale = torch.where(norms > 0, 1 / norms, torch.zeros_like(norms))
    return products * scale[:, None] * scale


def singular_values(factors: Factors) -> Tensor:
    """Of a delta, largest first; as many as its rank."""
    r_a = torch.linalg.qr(factors.a.flatten(1).double().T, mode="r").R
    r_b = torch.linalg.qr(factors.b.double(), mode="r").R
    return factors.scale * torch.linalg.svdvals(r_b @ r_a.T)


def effective_rank(factors: Factors) -> float:
    """exp of the entropy of the squared singular values' shares: how many directions a delta truly
    has.

    After [Roy and Vetterli 2007](https://ieeexplore.ieee.org/document/7098875), with energies in
    place of values; 0 for no delta.
    """
    energies = singular_values(factors).square()
    if not energies.sum() > 0:
        return 0.0
    shares = energies / energies.sum()
    return float(torch.special.entr(shares).sum().exp())
