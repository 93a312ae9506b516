"""Two choices that TIES and DARE are made of: how to thin each delta, and how the thinned ones
agree.

Both act on whole deltas scale * B @ A, since a thinned product is no product of thinned factors.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal

from engine.core.hashing import derived_seed
from engine.merge.deltas import Merged, layers, to_rank, used

if TYPE_CHECKING:
    from torch import Tensor

    from engine.models.lora.factors import Expert

Thin = Callable[["Tensor", str, str], "Tensor"]
"""A delta, its expert's name and its layer -> the delta with most entries at zero."""
Agree = Callable[["Mapping[str, Tensor]", Mapping[str, float]], "Tensor"]
"""Thinned deltas and weights by name -> one delta."""
Agreement = Literal["sum", "elected sign"]
"""By the name that a reader chooses: `total` and `elected`."""
MOST_KEPT_BYTES = 4 * 2**30


def prepare(
    experts: Mapping[str, "Expert"], thin: Thin, agreement: Agreement, rank: int, strength: float
) -> Callable[[Mapping[str, float]], Merged]:
    """Thin once, then merge for any weights. Rank 0 is the sum of the experts' ranks, layer by
    layer.

    Thinned deltas are kept up to 4 GiB (five SDXL experts hold 19 GB) and beyond that computed at
    every call.
    """
    by_layer = layers(experts)
    agree: Agree = total if agreement == "sum" else elected
    kept: dict[str, dict[str, Tensor]] = {}

    def thinned(path: str) -> "dict[str, Tensor]":
        if path in kept:
            return kept[path]
        found = {
            name: thin(f._replace(a=f.a.float(), b=f.b.float()).delta(), name, path)
            for name, f in by_layer[path].items()
        }
        held = sum(t.nbytes for of_layer in kept.values() for t in of_layer.values())
        if held + sum(t.nbytes for t in found.values()) <= MOST_KEPT_BYTES:
            kept[path] = found
        return found

    def merge(weights: Mapping[str, float]) -> Merged:
        own = used(weights)
        return to_rank(
            layer(path, parts, own) for path, parts in by_layer.items() if set(parts) & set(own)
        )

    def layer(
        path: str, parts: Mapping[str, Any], own: Mapping[str, float]
    ) -> "tuple[str, Tensor, int]":
        taken = {name: delta for name, delta in thinned(path).items() if name in own}
        return path, strength * agree(taken, own), rank or sum(parts[name].rank for name in taken)

    return merge


def by_magnitude(density: float) -> Thin:
    """Keep the largest entries of a layer, at least one; [TIES](https://arxiv.org/abs/2306.01708),
    section 4, trim.
    """

    def thin(delta: "Tensor", expert: str, path: str) -> "Tensor":
        import torch

        sizes = delta.abs().flatten()
        count = max(1, round(density * sizes.numel()))
        mask = torch.zeros_like(sizes)
        mask[sizes.topk(count).indices] = 1
        return delta * mask.view(delta.shape)

    return thin


def at_random(density: float, seed: int) -> Thin:
    """Keep entries at random and enlarge them; [DARE](https://arxiv.org/abs/2311.03099), section
    3.2.

    What is dropped depends on the seed, the expert's name and the layer alone.
    """

    def thin(delta: "Tensor", expert: str, path: str) -> "Tensor":
        import torch

        generator = torch.Generator().manual_seed(derived_seed(seed, expert, path))
        mask = torch.rand(delta.shape, generator=generator) < density
        return delta * mask / density

    return thin


def total(deltas: "Mapping[str, Tensor]", weights: Mapping[str, float]) -> "Tensor":
    """The weighted sum."""
    import torch

    return torch.stack([weights[name] * delta for name, delta in deltas.items()]).sum(0)


def elected(deltas: "Mapping[str, Tensor]", weights: Mapping[str, float]) -> "Tensor":
    """The weighted mean of those that have the sign of the weighted sum, entry by entry (TIES:
    elect, merge).

    Being a mean, it does not grow with the weights: they say how much each expert counts beside the
    others.
    """
    import torch

    weighted = torch.stack([weights[name] * delta for name, delta in deltas.items()])
    sizes = torch.tensor([abs(weights[name]) for name in deltas]).view(
        -1, *[1] * (weighted.dim() - 1)
    )
    agrees = (weighted.sign() == weighted.sum(0).sign()) & (weighted != 0)
    counted = (agrees * sizes).sum(0)
    return (weighted * agrees).sum(0) / counted.where(counted > 0, torch.ones(()))
