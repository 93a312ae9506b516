"""Inner products of LoRA deltas from their factors; no out x in matrix is ever formed.

<s_i B_i A_i, s_j B_j A_j> = s_i s_j tr((B_i' B_j) (A_j A_i')), a product of two small matrices per
layer.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from engine.models.lora.factors import Expert, Factors


def inner(one: Factors, other: Factors) -> float:
    """The sum over all entries of the product of two deltas of one layer."""
    b_products = one.b.double().T @ other.b.double()
    a_products = _flat_a(one) @ _flat_a(other).T
    # tr(X Y') of two matrices is the sum of their entrywise product
    return one.scale * other.scale * float((b_products * a_products).sum())


def gram(experts: Mapping[str, Expert], paths: Sequence[str]) -> Tensor:
    """(experts, experts) inner products over some layers, float64; a layer an expert leaves alone
    counts as zero.
    """
    products = torch.zeros(len(experts), len(experts), dtype=torch.float64)
    factors = list(experts.values())
    for i, one in enumerate(factors):
        for j, other in enumerate(factors[: i + 1]):
            product = _inner_over(one, other, paths)
            products[i, j] = product
            products[j, i] = product
    return products


def _inner_over(one: Expert, other: Expert, paths: Sequence[str]) -> float:
    total = 0.0
    for path in paths:
        if path in one and path in other:
            total += inner(one[path], other[path])
    return total


def cosines(products: Tensor) -> Tensor:
    """Of a Gram matrix; an expert without a delta has cosine 0 to all."""
    norms = products.diagonal().clamp(min=0).sqrt()
    scale = torch.where(norms > 0, 1 / norms, torch.zeros_like(norms))
    return products * scale[:, None] * scale


def singular_values(factors: Factors) -> Tensor:
    """Of a delta, largest first; as many as its rank.

    B = Q_B R_B and A' = Q_A R_A with orthonormal Q, so B A has the singular values of the small
    matrix R_B R_A'.
    """
    r_a = torch.linalg.qr(_flat_a(factors).T, mode="r").R
    r_b = torch.linalg.qr(factors.b.double(), mode="r").R
    return factors.scale * torch.linalg.svdvals(r_b @ r_a.T)


def effective_rank(factors: Factors) -> float:
    """exp of the entropy of the squared singular values' shares: how many directions a delta truly
    has.

    After [Roy and Vetterli 2007](https://ieeexplore.ieee.org/document/7098875), with energies in
    place of values; 0 for no delta.
    """
    energies = singular_values(factors).square()
    total = energies.sum()
    if not total > 0:
        return 0.0
    entropy = torch.special.entr(energies / total).sum()
    return float(entropy.exp())


def _flat_a(factors: Factors) -> Tensor:
    """A as a matrix (rank, in x window), float64."""
    return factors.a.flatten(1).double()
