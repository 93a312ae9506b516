"""Two choices that TIES and DARE are made of: how to thin each delta out, and how the sparse deltas
are put together.

Both act on whole deltas scale * B @ A, since a sparse product is no product of sparse factors.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal

from engine.core.hashing import derived_seed
from engine.merge.deltas import Merge, by_layer, nonzero, truncate_layers

if TYPE_CHECKING:
    from torch import Tensor

    from engine.models.lora.factors import Expert

Sparsify = Callable[["Tensor", str, str], "Tensor"]
"""A delta, its expert's name and its layer -> the delta with most entries at zero."""
Combine = Callable[["Mapping[str, Tensor]", Mapping[str, float]], "Tensor"]
"""Sparse deltas and weights by name -> one delta."""
Agreement = Literal["sum", "elected sign"]
"""By the name that a reader chooses: `weighted_sum` and `elect_sign`."""
MEMORY_BYTES = 4 * 2**30


def prepare(
    experts: Mapping[str, "Expert"],
    sparsify: Sparsify,
    agreement: Agreement,
    rank: int,
    strength: float,
) -> Callable[[Mapping[str, float]], Merge]:
    """Thin out once, then merge for any weights. Rank 0 is the sum of the experts' ranks, layer by
    layer.
    """
    combine: Combine = weighted_sum if agreement == "sum" else elect_sign
    sparse = SparseDeltas(experts, sparsify)

    def merge(weights: Mapping[str, float]) -> Merge:
        return truncate_layers(layers(nonzero(weights)))

    def layers(weights: Mapping[str, float]) -> "Iterator[tuple[str, Tensor, int]]":
        for path, parts in sparse.layers.items():
            names = [name for name in parts if name in weights]
            if not names:
                continue
            of_layer = sparse.of_layer(path)
            deltas = {name: of_layer[name] for name in names}
            delta = strength * combine(deltas, weights)
            yield path, delta, rank or sum(parts[name].rank for name in names)

    return merge


class SparseDeltas:
    """Experts' deltas, thinned out when first needed.

    They are remembered up to 4 GiB (five SDXL experts take 19 GB) and beyond that computed at every
    call.
    """

    def __init__(self, experts: Mapping[str, "Expert"], sparsify: Sparsify) -> None:
        self.layers = by_layer(experts)
        self._sparsify = sparsify
        self._memory: dict[str, dict[str, Tensor]] = {}
        self._memory_bytes = 0

    def of_layer(self, path: str) -> "dict[str, Tensor]":
        """By expert."""
        if path in self._memory:
            return self._memory[path]
        deltas = {}
        for name, factors in self.layers[path].items():
            delta = factors.in_float32().delta()
            deltas[name] = self._sparsify(delta, name, path)
        size = sum(delta.nbytes for delta in deltas.values())
        if self._memory_bytes + size <= MEMORY_BYTES:
            self._memory[path] = deltas
            self._memory_bytes += size
        return deltas


def keep_largest(density: float) -> Sparsify:
    """Keep the largest entries of a layer, at least one; [TIES](https://arxiv.org/abs/2306.01708),
    section 4, trim.
    """

    def sparsify(delta: "Tensor", expert: str, path: str) -> "Tensor":
        import torch

        sizes = delta.abs().flatten()
        count = max(1, round(density * sizes.numel()))
        mask = torch.zeros_like(sizes)
        mask[sizes.topk(count).indices] = 1
        return delta * mask.view(delta.shape)

    return sparsify


def keep_at_random(density: float, seed: int) -> Sparsify:
    """Keep entries at random and enlarge them; [DARE](https://arxiv.org/abs/2311.03099), section
    3.2.

    What is dropped depends on the seed, the expert's name and the layer alone.
    """

    def sparsify(delta: "Tensor", expert: str, path: str) -> "Tensor":
        import torch

        generator = torch.Generator().manual_seed(derived_seed(seed, expert, path))
        mask = torch.rand(delta.shape, generator=generator) < density
        return delta * mask / density  # the expected delta stays what it was

    return sparsify


def weighted_sum(deltas: "Mapping[str, Tensor]", weights: Mapping[str, float]) -> "Tensor":
    """Entry by entry."""
    return _weighted(deltas, weights).sum(0)


def elect_sign(deltas: "Mapping[str, Tensor]", weights: Mapping[str, float]) -> "Tensor":
    """The weighted mean of those that have the sign of the weighted sum, entry by entry (TIES:
    elect, merge).

    Being a mean, it does not grow with the weights: they say how much each expert counts beside the
    others.
    """
    import torch

    weighted = _weighted(deltas, weights)
    elected_sign = weighted.sum(0).sign()
    agrees = (weighted.sign() == elected_sign) & (weighted != 0)
    # (experts, 1, ...), so that each expert's weight meets its own delta
    sizes = torch.tensor([abs(weights[name]) for name in deltas])
    sizes = sizes.view(-1, *[1] * (weighted.dim() - 1))
    total = (agrees * sizes).sum(0)
    # where nobody agrees the sum is zero, and so is the mean
    divisor = total.where(total > 0, torch.ones(()))
    return (weighted * agrees).sum(0) / divisor


def _weighted(deltas: "Mapping[str, Tensor]", weights: Mapping[str, float]) -> "Tensor":
    """(experts, out, ...) deltas times their weights."""
    import torch

    return torch.stack([weights[name] * delta for name, delta in deltas.items()])
