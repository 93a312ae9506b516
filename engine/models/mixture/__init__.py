"""Every sample of a batch names its own mixture of experts.

All experts of a run are held in concatenated rank: A_cat (sum of ranks, in) and B_cat (out, sum of
ranks). A forward pass takes `mix` (rows, experts) and adds B_cat ((A_cat x) * w) to each target
layer, w being a row's mix spread over the ranks, times alpha / rank. The base is never written to:
the factors hang beside it.

- `mixture.mix(rows)`, live: any weights for each row. Sliders, grids of weights, base beside merged
  with the same noise.
- `mixture.folded(mix)`: one mix for everything, at the cost of the bare base. Long sampling: W +
  the deltas is computed once, beside W, and stands in for it.
- `mixture.grouped({"counting": 8, "styles": 8})`: one expert per row, in contiguous groups.
  Training: an expert's rows alone pay for it, and its gradient is what it would be alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from engine.core.errors import EngineError
from engine.models.lora.factors import Expert, Factors, Lora, check_fits, target_layers
from engine.models.mixture.layers import Group, Layer, Layout

Mix = Tensor | Mapping[str, float]
Counts = Mapping[str, int] | Mapping[str | None, int]
NO_EXPERT = -1
"""A group's index where no layer adds anything."""
_ByLayer = dict[str, dict[int, Factors]]


class Mixture:
    """Experts installed beside the linear layers and convolutions of `model`; nothing is added
    until a mix is set.

    `experts` maps a name to a fresh `Lora` or to the factors of a finished one; their order is the
    order of a mix's columns. Raises EngineError when one does not fit the model.
    """

    def __init__(
        self, model: nn.Module, experts: Mapping[str, Lora | Expert], seed: int = 0
    ) -> None:
        if not experts:
            raise EngineError("A mixture needs at least one expert.")
        self.names = tuple(experts)
        self._layouts: dict[tuple, Layout] = {}
        self._layers: dict[str, Layer] = {}
        self._mix: Tensor | None = None
        self._groups: tuple[Group, ...] | None = None
        for path, parts in _by_layer(model, experts, seed).items():
            self._layers[path] = Layer(model.get_submodule(path), parts, self._layouts)
        first, *_ = self._layers.values()
        self.device, self.dtype = first.a_cat.device, first.a_cat.dtype
        self._hooks: list[RemovableHandle] = []
        for layer in self._layers.values():
            self._hooks.append(layer.module.register_forward_hook(self._hook(layer)))

    def remove(self) -> None:
        """Take the hooks away; the model is exactly what it was."""
        for hook in self._hooks:
            hook.remove()

    def rows(self, mixes: Sequence[Mapping[str, float]]) -> Tensor:
        """Named weights, a mapping for each row ({} is the base), as a mix (rows, experts)."""
        rows = torch.zeros(len(mixes), len(self.names), dtype=self.dtype)
        for row, mix in enumerate(mixes):
            for name, weight in mix.items():
                rows[row, self._index(name)] = weight
        return rows.to(self.device)

    def set_mix(self, mix: Mix | None) -> None:
        """Mix every following forward: (rows, experts) or named weights for all rows; None is the
        base alone.

        A batch may hold the rows several times over (guidance doubles it) and one row serves every
        sample. A change of weights is a write into the tensors that the layers read, without a walk
        over the modules.
        """
        if mix is None:
            self._mix, self._groups = None, None
            return
        rows = self._checked(mix)
        self._mix, self._groups = rows, None
        for layout in self._layouts.values():
            layout.write(rows)

    def set_groups(self, counts: "Counts | None") -> None:
        """The following batches are `counts` rows of each named expert, in this order; None in a
        name's place is the base alone.
        """
        self._mix, self._groups = None, None
        if counts is None:
            return
        groups = []
        start = 0
        for name, count in counts.items():
            if count:
                expert = NO_EXPERT if name is None else self._index(name)
                groups.append(Group(expert, start, start + count))
            start += count
        self._groups = tuple(groups)

    @contextmanager
    def mix(self, mix: Mix | None) -> Iterator[None]:
        """`set_mix` for the length of a `with`, then whatever was set before."""
        before = (self._mix, self._groups)
        self.set_mix(mix)
        try:
            yield
        finally:
            self._restore(*before)

    @contextmanager
    def grouped(self, counts: "Counts") -> Iterator[None]:
        """`set_groups` for the length of a `with`; recomputed layers need the backward pass inside
        it.
        """
        before = (self._mix, self._groups)
        self.set_groups(counts)
        try:
            yield
        finally:
            self._restore(*before)

    @contextmanager
    def folded(self, mix: Mix) -> Iterator[None]:
        """One mix, (experts,) or named weights, written into every target layer for the length of a
        `with`.

        The same mix gives the same bits however often. Needs a copy of the target layers, kept
        until `free`.
        """
        rows = self._checked(mix)
        if len(rows) > 1:
            raise EngineError(
                f"{len(rows)} mixes cannot be folded into one model. Give one, or mix them live."
            )
        with self.mix(None):
            try:
                for layer in self._layers.values():
                    layer.fold(rows[0])
                yield
            finally:
                for layer in self._layers.values():
                    layer.unfold()

    def free(self) -> None:
        """Give the folded weights' memory back until they are wanted again."""
        for layer in self._layers.values():
            layer.free()

    # what an expert is made of

    def parameters_of(self, name: str) -> list[nn.Parameter]:
        """One expert's factors, a leaf each, layer by layer: A (rank, in), then B transposed (rank,
        out).
        """
        index = self._index(name)
        parameters = []
        for layer in self._layers.values():
            if index in layer.a:
                parameters += [layer.a[index], layer.b[index]]
        return parameters

    def expert(self, name: str) -> Expert:
        """A copy of one expert's factors."""
        index = self._index(name)
        own = {path: layer for path, layer in self._layers.items() if index in layer.a}
        return {path: layer.factors(index) for path, layer in own.items()}

    def state(self, name: str) -> dict[str, Tensor]:
        """One expert under peft's keys, `<path>.lora_A.weight` and `<path>.lora_B.weight` (out,
        rank).
        """
        state = {}
        for path, factors in self.expert(name).items():
            for key, tensor in factors.tensors().items():
                state[f"{path}.{key}"] = tensor
        return state

    @torch.no_grad()
    def load(self, name: str, state: Mapping[str, Tensor]) -> None:
        """Write one expert from peft's keys. Raises EngineError when names or shapes differ."""
        self._check_state(name, state)
        index = self._index(name)
        for path, layer in self._layers.items():
            if index in layer.a:
                layer.a[index].copy_(state[f"{path}.lora_A.weight"])
                layer.b[index].copy_(state[f"{path}.lora_B.weight"].flatten(1).T)

    def _check_state(self, name: str, state: Mapping[str, Tensor]) -> None:
        expected = self.state(name)
        if odd := sorted(set(expected) ^ set(state)):
            fault = "missing" if odd[0] in expected else "unknown"
            raise EngineError(
                f"{odd[0]} is {fault}: expert {name!r} has other layers. "
                "Choose the targets that the weights were made with."
            )
        for key, tensor in state.items():
            ours, theirs = tuple(expected[key].shape), tuple(tensor.shape)
            if ours != theirs:
                raise EngineError(
                    f"{key} has shape {theirs}, expert {name!r} has {ours}. "
                    "Choose the rank the weights were made with."
                )

    def _index(self, name: str) -> int:
        if name not in self.names:
            raise EngineError(f"No expert called {name!r}. Choose from {', '.join(self.names)}.")
        return self.names.index(name)

    def _checked(self, mix: Mix) -> Tensor:
        """(rows, experts), where and as the factors are."""
        if isinstance(mix, Mapping):
            rows = self.rows([mix])
        else:
            rows = torch.atleast_2d(mix.to(self.device, self.dtype))
        if rows.dim() != 2 or rows.shape[1] != len(self.names):
            raise EngineError(
                f"A mix of shape {tuple(rows.shape)} does not fit: give (rows, "
                f"{len(self.names)}), a weight for each of {', '.join(self.names)}."
            )
        return rows

    def _restore(self, mix: Tensor | None, groups: tuple[Group, ...] | None) -> None:
        self.set_mix(mix)
        self._groups = groups

    def _hook(self, layer: Layer) -> Any:
        def add(_: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> Tensor:
            if self._groups is not None:
                return layer.add_grouped(args[0], output, self._groups)
            return output if self._mix is None else layer.add_mixed(args[0], output)

        return add


def _by_layer(model: nn.Module, experts: Mapping[str, Lora | Expert], seed: int) -> _ByLayer:
    """Factors by module path and expert index, in the model's order."""
    layers: _ByLayer = {path: {} for path, _ in model.named_modules()}
    for index, (name, expert) in enumerate(experts.items()):
        if isinstance(expert, Lora):
            expert = expert.expert(target_layers(model, expert.targets), name, seed)
        for path in check_fits(expert, model):
            layers[path][index] = expert[path]
    return {path: parts for path, parts in layers.items() if parts}
