"""The weighted sum of the deltas, cut to a rank: the closest LoRA of that size, without forming a
full matrix.

With B = Q_B R_B and A' = Q_A R_A the sum B diag(w) A is Q_B (R_B diag(w) R_A') Q_A', and only the
small matrix in the middle depends on the weights. [Eckart and Young
1936](https://doi.org/10.1007/BF02288367)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from engine.merge.deltas import (
    Merge,
    Truncation,
    by_layer,
    check_size,
    energy,
    nonzero,
    share,
)

if TYPE_CHECKING:
    from torch import Size, Tensor

    from engine.models.lora.factors import Expert, Factors


@dataclass(frozen=True)
class Config:
    rank: int = field(default=16, metadata={"help": "Of the merged LoRA", "range": (1, 4096)})
    strength: float = field(
        default=1.0, metadata={"help": "Multiplies every weight", "range": (0.0, 10.0)}
    )


class Core(NamedTuple):
    """One layer's concatenation, both sides orthonormal but for a small matrix."""

    q_b: "Tensor"
    """(out, at most the sum of ranks)"""
    r_b: "Tensor"
    q_a: "Tensor"
    """(in, at most the sum of ranks)"""
    r_a: "Tensor"
    experts: list[str]
    """Of every rank."""
    shape: "Size"
    """Of A behind the rank."""


def prepare(
    experts: Mapping[str, "Expert"], config: Config
) -> Callable[[Mapping[str, float]], Merge]:
    cores = {path: _core(parts) for path, parts in by_layer(experts).items()}

    def merge(weights: Mapping[str, float]) -> Merge:
        return _merge(cores, nonzero(weights), config)

    return merge


def _core(parts: Mapping[str, "Factors"]) -> Core:
    import torch

    rows = []
    columns = []
    names: list[str] = []
    for name, factors in parts.items():
        rows.append(factors.a.float().flatten(1))
        columns.append(factors.scale * factors.b.float())
        names += [name] * factors.rank
        shape = factors.a.shape[1:]
    q_b, r_b = torch.linalg.qr(torch.cat(columns, dim=1))
    q_a, r_a = torch.linalg.qr(torch.cat(rows).T)
    return Core(q_b, r_b, q_a, r_a, names, shape)


def _merge(cores: Mapping[str, Core], weights: Mapping[str, float], config: Config) -> Merge:
    expert = {}
    left, whole = 0.0, 0.0
    for path, core in cores.items():
        if set(core.experts) & set(weights):
            truncation = _truncate(core, weights, config, path)
            expert[path] = truncation.factors
            left += truncation.energy
            whole += truncation.full_energy
    return Merge(expert, share(left, whole))


def _truncate(core: Core, weights: Mapping[str, float], config: Config, path: str) -> Truncation:
    """The singular values of a layer are those of the small matrix in the middle."""
    import torch

    from engine.models.lora.factors import Factors

    w = torch.tensor([config.strength * weights.get(name, 0.0) for name in core.experts])
    middle = (core.r_b * w) @ core.r_a.T
    check_size(middle, path)
    u, s, vh = torch.linalg.svd(middle, full_matrices=False)
    rank = config.rank
    root = s[:rank].sqrt()
    a = root[:, None] * (vh[:rank] @ core.q_a.T)
    b = core.q_b @ (u[:, :rank] * root)
    factors = Factors(a.unflatten(1, core.shape), b, 1.0)
    return Truncation(factors, energy(s[:rank]), energy(s))
