"""The weighted sum of the deltas, cut to a rank: the closest LoRA of that size, without forming a
full matrix.

With B = Q_B R_B and A' = Q_A R_A the sum B diag(w) A is Q_B (R_B diag(w) R_A') Q_A', and only the
small matrix in the middle depends on the weights. [Eckart and Young
1936](https://doi.org/10.1007/BF02288367)
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from engine.merge.deltas import Merged, check_size, layers, used

if TYPE_CHECKING:
    from torch import Size, Tensor

    from engine.models.lora.factors import Expert


@dataclass(frozen=True)
class Config:
    rank: int = field(default=16, metadata={"help": "Of the merged LoRA", "range": (1, 4096)})
    strength: float = field(
        default=1.0, metadata={"help": "Multiplies every weight", "range": (0.0, 10.0)}
    )


class Core(NamedTuple):
    """One layer's concatenation, both sides orthonormal but for a small matrix."""

    q_b: "Tensor"
    r_b: "Tensor"
    q_a: "Tensor"
    r_a: "Tensor"
    experts: list[str]
    """Of every rank."""
    shape: "Size"
    """Of A behind the rank."""


def prepare(
    experts: Mapping[str, "Expert"], config: Config
) -> Callable[[Mapping[str, float]], Merged]:
    import torch

    cores = {}
    for path, parts in layers(experts).items():
        a = torch.cat([factors.a.float().flatten(1) for factors in parts.values()])
        b = torch.cat([factors.scale * factors.b.float() for factors in parts.values()], dim=1)
        (q_b, r_b), (q_a, r_a) = torch.linalg.qr(b), torch.linalg.qr(a.T)
        names = [name for name, factors in parts.items() for _ in range(factors.rank)]
        cores[path] = Core(q_b, r_b, q_a, r_a, names, next(iter(parts.values())).a.shape[1:])
    return lambda weights: _merge(cores, used(weights), config)


def _merge(cores: Mapping[str, Core], weights: Mapping[str, float], config: Config) -> Merged:
    import torch

    from engine.models.lora.factors import Factors

    expert, kept, whole = {}, 0.0, 0.0
    for path, core in cores.items():
        if not set(core.experts) & set(weights):
            continue
        w = torch.tensor([config.strength * weights.get(name, 0.0) for name in core.experts])
        middle = (core.r_b * w) @ core.r_a.T
        check_size(middle, path)
        u, s, vh = torch.linalg.svd(middle, full_matrices=False)
        root = s[: config.rank].sqrt()
        a, b = (
            root[:, None] * (vh[: config.rank] @ core.q_a.T),
            core.q_b @ (u[:, : config.rank] * root),
        )
        expert[path] = Factors(a.unflatten(1, core.shape), b, 1.0)
        kept, whole = kept + float(s[: config.rank].square().sum()), whole + float(s.square().sum())
    return Merged(expert, kept / whole if whole else 1.0)
