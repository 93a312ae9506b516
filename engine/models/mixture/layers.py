"""One layer's share of a mixture: every expert's factors concatenated along the rank.

The layer is linear or a convolution.
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
        """`parts` are (expert, rank, alpha / rank)."""
        experts: list[int] = []
        scales: list[float] = []
        for expert, rank, scale in parts:
            experts += [expert] * rank
            scales += [scale] * rank
        self.expert = torch.tensor(experts, device=like.device)
        self.scale = torch.tensor(scales, device=like.device, dtype=like.dtype)
        self.weights = like.new_zeros(1, len(experts))

    def spread(self, mix: Tensor) -> Tensor:
        """A mix (rows, experts) over the ranks, times alpha / rank: (rows, ranks)."""
        return mix[:, self.expert] * self.scale

    def write(self, mix: Tensor) -> None:
        """Keep a mix, in place wherever the tensor can be written to."""
        weights = self.spread(mix)
        is_fixed = self.weights.requires_grad or self.weights.is_inference()
        if weights.requires_grad or is_fixed or weights.shape != self.weights.shape:
            self.weights = weights
        else:
            self.weights.copy_(weights)

    def read(self, dtype: torch.dtype) -> Tensor:
        """(rows, ranks); a copy if gradients are recorded: a later write must not reach them."""
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
        self.window = _window(module)
        """How A slides over the picture, where the layer is a convolution."""
        dtype = torch.promote_types(module.weight.dtype, torch.float32)
        device = module.weight.device
        self.a_cat = torch.cat([factors.a.to(device, dtype) for factors in parts.values()])
        self.b_cat = torch.cat([factors.b.T.to(device, dtype) for factors in parts.values()])
        self.scale: dict[int, float] = {}
        self.a: dict[int, nn.Parameter] = {}
        self.b: dict[int, nn.Parameter] = {}
        key: list[tuple[int, int, float]] = []
        start = 0
        for expert, factors in parts.items():
            stop = start + factors.rank
            self.scale[expert] = factors.scale
            self.a[expert] = nn.Parameter(self.a_cat[start:stop])
            self.b[expert] = nn.Parameter(self.b_cat[start:stop])
            key.append((expert, factors.rank, factors.scale))
            start = stop
        self.layout = layouts.setdefault(tuple(key), Layout(key, self.a_cat))
        self._folded: nn.Parameter | None = None

    def factors(self, expert: int) -> Factors:
        """A copy of one expert's share."""
        a, b = self.a[expert].detach().clone(), self.b[expert].detach().clone()
        return Factors(a, b.T.contiguous(), self.scale[expert])

    def add_mixed(self, x: Tensor, output: Tensor) -> Tensor:
        """x (batch, ..., in) or (batch, in, h, w), output likewise; every row has its weights."""
        weights = self.layout.read(x.dtype)
        a_cat, b_cat = self._concatenated(x.dtype)
        rows = len(weights)
        if x.shape[0] % rows:
            raise EngineError(
                f"The mix has {rows} rows and the batch {x.shape[0]}: "
                "give each sample a row, or all of them one."
            )
        # The batch may hold the rows several times over, as under guidance: (times, rows, ...).
        low = self._low(x, a_cat).unflatten(0, (-1, rows))
        between = [1] * (x.dim() - 2)
        shape = (rows, -1, *between) if self.window else (rows, *between, -1)
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
        whole = torch.addmm(pristine, weighted.T, self.a_cat.flatten(1))
        self._folded.copy_(whole.view(self.pristine.shape))
        self.module.weight = self._folded

    def unfold(self) -> None:
        """Compute with W again."""
        self.module.weight = self.pristine

    def free(self) -> None:
        """Let go of the folded copy."""
        self._folded = None

    def _concatenated(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """A_cat and B_cat as the layer computes; joined anew where gradients are recorded."""
        parameters = (*self.a.values(), *self.b.values())
        if not torch.is_grad_enabled() or not any(p.requires_grad for p in parameters):
            return self.a_cat.to(dtype), self.b_cat.to(dtype)
        a_cat = torch.cat(list(self.a.values()))
        b_cat = torch.cat(list(self.b.values()))
        return a_cat.to(dtype), b_cat.to(dtype)

    def _low(self, x: Tensor, a: Tensor) -> Tensor:
        """A x: (batch, ..., ranks), of a convolution (batch, ranks, h, w)."""
        if self.window:
            return functional.conv2d(x, a, **self.window)
        return functional.linear(x, a)

    def _add(self, output: Tensor, low: Tensor, b: Tensor, scale: float = 1.0) -> Tensor:
        """output + scale * B low; of a linear layer in one pass over the output."""
        if self.window:
            b_1x1 = b.T[:, :, None, None]
            return output + functional.conv2d(low * scale, b_1x1)
        output_flat = output.reshape(-1, output.shape[-1])
        low_flat = low.reshape(-1, low.shape[-1])
        return torch.addmm(output_flat, low_flat, b, alpha=scale).view(output.shape)


def _window(module: nn.Linear | nn.Conv2d) -> dict[str, Any]:
    """A convolution's, as `conv2d` takes it; empty for a linear layer."""
    if isinstance(module, nn.Linear):
        return {}
    return {
        "stride": module.stride,
        "padding": module.padding,
        "dilation": module.dilation,
    }
