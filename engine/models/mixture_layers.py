"""One linear layer's share of a mixture: every expert's factors concatenated along the rank."""
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.core.errors import EngineError
from engine.models.lora import Factors


class Group(NamedTuple):
    """Rows `start` to `stop` of a batch belong to one expert."""

    expert: int
    start: int
    stop: int


class Layout:
    """Which expert each rank belongs to and how strongly it counts; layers with the same ranks share one."""

    def __init__(self, parts: Sequence[tuple[int, int, float]], like: Tensor) -> None:
        ranks = [(expert, scale) for expert, rank, scale in parts for _ in range(rank)]
        self.expert = torch.tensor([expert for expert, _ in ranks], device=like.device)
        self.scale = torch.tensor([scale for _, scale in ranks], device=like.device, dtype=like.dtype)
        self.weights = like.new_zeros(1, len(ranks))

    def write(self, mix: Tensor) -> None:
        """Spread the mix (rows, experts) over the ranks, in place wherever the tensor can be written to."""
        weights = mix[:, self.expert] * self.scale
        fixed = weights.requires_grad or self.weights.requires_grad or self.weights.is_inference()
        if weights.shape == self.weights.shape and not fixed:
            self.weights.copy_(weights)
        else:
            self.weights = weights

    def read(self, dtype: torch.dtype) -> Tensor:
        """(rows, ranks); a copy if gradients are recorded, since a later write must not reach them."""
        weights = self.weights.to(dtype)
        return weights.clone() if torch.is_grad_enabled() else weights


class Layer:
    """Every expert's factors at one linear layer.

    The two concatenations are the storage and each expert's parameters are views of it: an optimiser's step
    shows in both paths. B_cat is kept transposed, (sum of ranks, out), so that those views are contiguous.
    """

    def __init__(self, linear: nn.Module, parts: Mapping[int, Factors], layouts: dict[tuple, Layout]) -> None:
        assert isinstance(linear, nn.Linear)
        dtype = torch.promote_types(linear.weight.dtype, torch.float32)
        device = linear.weight.device
        self.a_cat = torch.cat([factors.a.to(device, dtype) for factors in parts.values()])
        self.b_cat = torch.cat([factors.b.T.to(device, dtype) for factors in parts.values()])
        self.scale = {expert: factors.scale for expert, factors in parts.items()}
        ranks = [factors.rank for factors in parts.values()]
        self.a = {e: nn.Parameter(view) for e, view in zip(parts, self.a_cat.split(ranks), strict=True)}
        self.b = {e: nn.Parameter(view) for e, view in zip(parts, self.b_cat.split(ranks), strict=True)}
        key = tuple((expert, factors.rank, factors.scale) for expert, factors in parts.items())
        self.layout = layouts.setdefault(key, Layout(key, self.a_cat))

    def factors(self, expert: int) -> Factors:
        """A copy of one expert's share."""
        a, b = self.a[expert].detach().clone(), self.b[expert].detach().clone()
        return Factors(a, b.T.contiguous(), self.scale[expert])

    def add_mixed(self, x: Tensor, output: Tensor) -> Tensor:
        """x (batch, ..., in), output (batch, ..., out); every row has its own weights."""
        weights, (a_cat, b_cat) = self.layout.read(x.dtype), self._concatenated()
        rows = weights.shape[0]
        if x.shape[0] % rows:
            raise EngineError(f"The mix has {rows} rows and the batch {x.shape[0]}: "
                              "give each sample a row, or all of them one.")
        low = functional.linear(x, a_cat.to(x.dtype)).unflatten(0, (-1, rows))
        low = low * weights.view(rows, *[1] * (x.dim() - 2), -1)
        return _add(output, low.flatten(0, 1), b_cat.to(x.dtype))

    def add_grouped(self, x: Tensor, output: Tensor, groups: Sequence[Group]) -> Tensor:
        """The rows of each group run through their own expert's factors and no other's."""
        if groups[-1].stop != x.shape[0]:
            raise EngineError(f"The groups have {groups[-1].stop} rows and the batch {x.shape[0]}.")
        parts = []
        for expert, start, stop in groups:
            part = output[start:stop]
            if expert in self.a:
                low = functional.linear(x[start:stop], self.a[expert].to(x.dtype))
                part = _add(part, low, self.b[expert].to(x.dtype), self.scale[expert])
            parts.append(part)
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _concatenated(self) -> tuple[Tensor, Tensor]:
        """The storage itself, or the parameters joined where gradients are wanted."""
        parameters = (*self.a.values(), *self.b.values())
        if not torch.is_grad_enabled() or not any(p.requires_grad for p in parameters):
            return self.a_cat, self.b_cat
        return torch.cat(list(self.a.values())), torch.cat(list(self.b.values()))


def _add(output: Tensor, low: Tensor, b: Tensor, scale: float = 1.0) -> Tensor:
    """output + scale * low @ b, in one pass over the output."""
    flat = torch.addmm(output.reshape(-1, output.shape[-1]), low.reshape(-1, low.shape[-1]), b, alpha=scale)
    return flat.view(output.shape)
