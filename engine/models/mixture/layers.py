"""One layer's share of a mixture: every expert's factors concatenated along the rank; linear or
convolution.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from engine.core.errors import EngineError
from engine.models.lora.factors import Factors


class Group(NamedTuple):
    """Rows `start` to `stop` of a batch belong to one expert."""

    expert: int
    start: int
    stop: int


class Layout:
    """Which expert each rank belongs to and how strongly it counts; layers with the same ranks
    share one.
    """

    def __init__(self, parts: Sequence[tuple[int, int, float]], like: Tensor) -> None:
        ranks = [(expert, scale) for expert, rank, scale in parts for _ in range(rank)]
        self.expert = torch.tensor([expert for expert, _ in ranks], device=like.device)
        self.scale = torch.tensor(
            [scale for _, scale in ranks], device=like.device, dtype=like.dtype
        )
        self.weights = like.new_zeros(1, len(ranks))

    def spread(self, mix: Tensor) -> Tensor:
        """A mix (rows, experts) over the ranks, times alpha / rank: (rows, ranks)."""
        return mix[:, self.expert] * self.scale

    def write(self, mix: Tensor) -> None:
        """Keep a mix, in place wherever the tensor can be written to."""
        weights = self.spread(mix)
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
    """Every expert's factors at one linear layer or convolution.

    The two concatenations are the storage and each expert's parameters are views of it: an
    optimiser's step shows in both paths. B_cat is kept transposed, (sum of ranks, out), so that
    those views are contiguous.
    """

    def __init__(
        self, module: nn.Module, parts: Mapping[int, Factors], layouts: dict[tuple, Layout]
    ) -> None:
        assert isinstance(module, nn.Linear | nn.Conv2d)
        self.module, self.pristine = module, module.weight
        self.window: dict[str, Any] = {}
        if isinstance(module, nn.Conv2d):
            self.window = {
                "stride": module.stride,
                "padding": module.padding,
                "dilation": module.dilation,
            }
        dtype = torch.promote_types(module.weight.dtype, torch.float32)
        device = module.weight.device
        self.a_cat = torch.cat([factors.a.to(device, dtype) for factors in parts.values()])
        self.b_cat = torch.cat([factors.b.T.to(device, dtype) for factors in parts.values()])
        self.scale = {expert: factors.scale for expert, factors in parts.items()}
        ranks = [factors.rank for factors in parts.values()]
        self.a = {
            e: nn.Parameter(view) for e, view in zip(parts, self.a_cat.split(ranks), strict=True)
        }
        self.b = {
            e: nn.Parameter(view) for e, view in zip(parts, self.b_cat.split(ranks), strict=True)
        }
        key = tuple((expert, factors.rank, factors.scale) for expert, factors in parts.items())
        self.layout = layouts.setdefault(key, Layout(key, self.a_cat))
        self._folded: nn.Parameter | None = None

    def factors(self, expert: int) -> Factors:
        """A copy of one expert's share."""
        a, b = self.a[expert].detach().clone(), self.b[expert].detach().clone()
        return Factors(a, b.T.contiguous(), self.scale[expert])

    def add_mixed(self, x: Tensor, output: Tensor) -> Tensor:
        """x (batch, ..., in) or (batch, in, h, w), output likewise; every row has its own weights."""
        weights, (a_cat, b_cat) = self.layout.read(x.dtype), self._concatenated(x.dtype)
        rows = weights.shape[0]
        if x.shape[0] % rows:
            raise EngineError(
                f"The mix has {rows} rows and the batch {x.shape[0]}: "
                "give each sample a row, or all of them one."
            )
        low = self._low(x, a_cat).unflatten(0, (-1, rows))
        shape = (rows, -1, 1, 1) if self.window else (rows, *[1] * (x.dim() - 2), -1)
        low = low * weights.view(shape)
        return self._add(output, low.flatten(0, 1), b_cat)

    def add_grouped(self, x: Tensor, output: Tensor, groups: Sequence[Group]) -> Tensor:
        """The rows of each group run through their own expert's factors and no other's."""
        if groups[-1].stop != x.shape[0]:
            raise EngineError(
                f"The groups have {groups[-1].stop} rows and the batch {x.shape[0]}. "
                "Let the groups add up to the batch."
            )
        parts = []
        for expert, start, stop in groups:
            part = output[start:stop]
            if expert in self.a:
                low = self._low(x[start:stop], self.a[expert].to(x.dtype))
                part = self._add(part, low, self.b[expert].to(x.dtype), self.scale[expert])
            parts.append(part)
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    @torch.no_grad()
    def fold(self, mix: Tensor) -> None:
        """Compute with W + the deltas of a mix (experts,), rounded once, until `unfold`; W itself
        stays untouched.
        """
        weighted = self.b_cat * self.layout.spread(mix[None]).T
        pristine = self.pristine.flatten(1).to(self.a_cat.dtype)
        if self._folded is None:
            self._folded = nn.Parameter(torch.empty_like(self.pristine), requires_grad=False)
        self._folded.copy_(
            torch.addmm(pristine, weighted.T, self.a_cat.flatten(1)).view(self.pristine.shape)
        )
        self.module.weight = self._folded

    def unfold(self) -> None:
        """Compute with W again."""
        self.module.weight = self.pristine

    def free(self) -> None:
        """Let go of the folded copy."""
        self._folded = None

    def _concatenated(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """A_cat and B_cat as the layer computes; the parameters joined where gradients are wanted."""
        parameters = (*self.a.values(), *self.b.values())
        if not torch.is_grad_enabled() or not any(p.requires_grad for p in parameters):
            return self.a_cat.to(dtype), self.b_cat.to(dtype)
        return torch.cat(list(self.a.values())).to(dtype), torch.cat(list(self.b.values())).to(
            dtype
        )

    def _low(self, x: Tensor, a: Tensor) -> Tensor:
        """A x: (batch, ..., ranks), of a convolution (batch, ranks, h, w)."""
        return functional.conv2d(x, a, **self.window) if self.window else functional.linear(x, a)

    def _add(self, output: Tensor, low: Tensor, b: Tensor, scale: float = 1.0) -> Tensor:
        """output + scale * B low; of a linear layer in one pass over the output."""
        if self.window:
            return output + functional.conv2d(low * scale, b.T[:, :, None, None])
        flat = torch.addmm(
            output.reshape(-1, output.shape[-1]), low.reshape(-1, low.shape[-1]), b, alpha=scale
        )
        return flat.view(output.shape)
