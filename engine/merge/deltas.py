"""Deltas as factors: their exact weighted sum, and the best approximation of a lower rank.

Everything here stands for sums of scale * B @ A, of linear layers and convolutions alike.
"""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from engine.core.errors import EngineError

if TYPE_CHECKING:
    from torch import Tensor

    from engine.models.lora.factors import Expert, Factors


class Merge(NamedTuple):
    """One LoRA out of several."""

    expert: "Expert"
    energy_share: float = 1.0
    """Squared norm of what is left over that of what was to be merged, over all layers; 1 is exact.
    """


class Truncation(NamedTuple):
    """A delta cut to a rank."""

    factors: "Factors"
    energy: float
    """Squared norm of what is left."""
    full_energy: float
    """That of the whole delta."""


def by_layer(experts: Mapping[str, "Expert"]) -> "dict[str, dict[str, Factors]]":
    """Layer -> expert -> factors; every layer that any expert has."""
    layers: dict[str, dict[str, Factors]] = {}
    for name, expert in experts.items():
        for path, factors in expert.items():
            of_layer = layers.setdefault(path, {})
            of_layer[name] = factors
    return layers


def nonzero(weights: Mapping[str, float]) -> dict[str, float]:
    """The weights that are not zero. Raises EngineError when all are."""
    left = {name: weight for name, weight in weights.items() if weight}
    if not left:
        raise EngineError(
            "Every weight is zero, so the merge would be the base. Give an expert a weight."
        )
    return left


def concatenate(experts: Mapping[str, "Expert"], coefficients: Mapping[str, float]) -> Merge:
    """sum of c_i s_i B_i A_i = [c_1 s_1 B_1, c_2 s_2 B_2, ...] [A_1; A_2; ...], per layer, with
    scale 1.

    Any ranks and scales; a layer that some experts leave alone holds the others' share. Experts
    whose coefficient is zero take no rank. Raises EngineError when all are.
    """
    import torch

    from engine.models.lora.factors import Factors

    weights = nonzero(coefficients)
    layers = by_layer({name: experts[name] for name in weights})
    expert = {}
    for path, parts in layers.items():
        rows = []
        columns = []
        for name, factors in parts.items():
            rows.append(factors.a.float())
            columns.append(weights[name] * factors.scale * factors.b.float())
        expert[path] = Factors(torch.cat(rows), torch.cat(columns, dim=1), 1.0)
    return Merge(expert)


def truncate(delta: "Tensor", rank: int) -> Truncation:
    """The closest factors of a rank to a delta of any shape (out, ...).

    By truncated singular value decomposition, [Eckart and Young
    1936](https://doi.org/10.1007/BF02288367); the roots of the singular values go to both sides.
    """
    import torch

    from engine.models.lora.factors import Factors

    u, s, vh = torch.linalg.svd(delta.flatten(1), full_matrices=False)
    root = s[:rank].sqrt()
    a = root[:, None] * vh[:rank]
    b = u[:, :rank] * root
    factors = Factors(a.unflatten(1, delta.shape[1:]), b, 1.0)
    return Truncation(factors, energy(s[:rank]), energy(s))


def energy(singular_values: "Tensor") -> float:
    """The squared norm of a matrix with these."""
    return float(singular_values.square().sum())


def truncate_layers(deltas: "Iterable[tuple[str, Tensor, int]]") -> Merge:
    """(layer, delta, rank) one after another, so that one whole delta lives at a time."""
    expert = {}
    left, whole = 0.0, 0.0
    for path, delta, rank in deltas:
        check_size(delta, path)
        truncation = truncate(delta, rank)
        expert[path] = truncation.factors
        left += truncation.energy
        whole += truncation.full_energy
    return Merge(expert, share(left, whole))


def share(part: float, whole: float) -> float:
    """All of nothing is all."""
    return part / whole if whole else 1.0


def check_size(delta: "Tensor", path: str) -> None:
    """Raises EngineError for a delta whose energy is beyond single precision."""
    import torch

    if not torch.isfinite(delta.square().sum()):
        raise EngineError(
            f"The merged delta of {path} is beyond single precision. Lower the "
            "weights, or leave out the expert whose values are so large."
        )
