"""Deltas as factors: their exact weighted sum, and the best approximation of a lower rank.

Everything here stands for sums of scale * B @ A, of linear layers and convolutions alike.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from engine.core.errors import EngineError

if TYPE_CHECKING:
    from torch import Tensor

    from engine.models.lora.factors import Expert, Factors


class Merged(NamedTuple):
    """One LoRA out of several."""

    expert: "Expert"
    energy_kept: float = 1.0
    """Squared norm of what is left over that of what was to be merged, over all layers; 1 is exact.
    """


def layers(experts: Mapping[str, "Expert"]) -> "dict[str, dict[str, Factors]]":
    """Layer -> expert -> factors; every layer that any expert has."""
    paths = dict.fromkeys(path for expert in experts.values() for path in expert)
    return {
        path: {name: expert[path] for name, expert in experts.items() if path in expert}
        for path in paths
    }


def used(weights: Mapping[str, float]) -> dict[str, float]:
    """The weights that are not zero. Raises EngineError when all are."""
    found = {name: weight for name, weight in weights.items() if weight}
    if not found:
        raise EngineError(
            "Every weight is zero, so the merge would be the base. Give an expert a weight."
        )
    return found


def concatenate(experts: Mapping[str, "Expert"], coefficients: Mapping[str, float]) -> Merged:
    """sum of c_i s_i B_i A_i = [c_1 s_1 B_1, c_2 s_2 B_2, ...] [A_1; A_2; ...], per layer, with
    scale 1.

    Any ranks and scales; a layer that some experts leave alone holds the others' share. Experts
    whose coefficient is zero take no rank. Raises EngineError when all are.
    """
    import torch

    from engine.models.lora.factors import Factors

    merged = {}
    for path, parts in layers({name: experts[name] for name in used(coefficients)}).items():
        a = torch.cat([factors.a.float() for factors in parts.values()])
        b = torch.cat(
            [coefficients[name] * f.scale * f.b.float() for name, f in parts.items()], dim=1
        )
        merged[path] = Factors(a, b, 1.0)
    return Merged(merged)


def of_rank(delta: "Tensor", rank: int) -> "tuple[Factors, float, float]":
    """The closest factors of a rank to a delta of any shape (out, ...), the energy they hold and
    that of the delta.

    By truncated singular value decomposition, [Eckart and Young
    1936](https://doi.org/10.1007/BF02288367); the roots of the singular values go to both sides.
    """
    import torch

    from engine.models.lora.factors import Factors

    u, s, vh = torch.linalg.svd(delta.flatten(1), full_matrices=False)
    root = s[:rank].sqrt()
    a, b = root[:, None] * vh[:rank], u[:, :rank] * root
    return (
        Factors(a.unflatten(1, delta.shape[1:]), b, 1.0),
        float(s[:rank].square().sum()),
        float(s.square().sum()),
    )


def check_size(delta: "Tensor", path: str) -> None:
    """Raises EngineError for a delta whose energy is beyond single precision."""
    import torch

    if not torch.isfinite(delta.square().sum()):
        raise EngineError(
            f"The merged delta of {path} is beyond single precision. Lower the "
            "weights, or leave out the expert whose values are so large."
        )


def to_rank(deltas: "Iterable[tuple[str, Tensor, int]]") -> Merged:
    """(layer, delta, rank) one after another, so that one whole delta lives at a time."""
    expert, kept, whole = {}, 0.0, 0.0
    for path, delta, rank in deltas:
        check_size(delta, path)
        expert[path], of_factors, of_delta = of_rank(delta, rank)
        kept, whole = kept + of_factors, whole + of_delta
    return Merged(expert, kept / whole if whole else 1.0)
