"""What an expert is: at every target layer two thin matrices A and B that stand for the delta scale
* B @ A.

[LoRA](https://arxiv.org/abs/2106.09685), section 4.1: h = W x + (alpha / r) B A x. At a convolution
A has its window and B is 1 x 1, as in peft and kohya's LoCon.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeGuard

import torch
from torch import Tensor, nn

from engine.core.errors import EngineError
from engine.core.hashing import derived_seed
from engine.models.lora.alphas import number

MOST_VALUE = 65504.0
"""Of a factor: the largest number of half precision, in which people keep LoRAs."""
ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")


class Factors(NamedTuple):
    """One layer's share of an expert; its delta is `scale * b @ a`."""

    a: Tensor
    """(rank, in), of a convolution (rank, in, kernel height, kernel width)"""
    b: Tensor
    """(out, rank)"""
    scale: float
    """alpha / rank"""

    @property
    def rank(self) -> int:
        return self.a.shape[0]

    def delta(self) -> Tensor:
        """What is added to the layer's weight, of its shape."""
        return self.scale * (self.b @ self.a.flatten(1)).unflatten(1, self.a.shape[1:])

    def tensors(self) -> dict[str, Tensor]:
        """By peft's names and in its shapes: B of a convolution is a 1 x 1 convolution."""
        return {
            "lora_A.weight": self.a,
            "lora_B.weight": self.b.view(*self.b.shape, *[1] * (self.a.dim() - 2)),
        }


Target = nn.Linear | nn.Conv2d
Expert = dict[str, Factors]
"""A whole LoRA: module path -> factors."""


@dataclass(frozen=True)
class Lora:
    """How a new expert starts: B is zero, A is random from `seed` and the expert's name."""

    rank: int = 16
    alpha: float = 16.0
    targets: tuple[str, ...] = ATTENTION
    init: Literal["gaussian", "kaiming"] = "gaussian"
    """Gaussian has standard deviation 1 / rank (diffusers, SELMA); kaiming is uniform (peft's
    default).
    """
    start: str | None = None
    """Experts with the same `start` have the same A; None starts each from its own name."""

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise EngineError(
                f"A LoRA of rank {self.rank} holds nothing. Choose a rank of 1 or more."
            )
        if not self.targets:
            raise EngineError(
                "A LoRA needs layers to change. Choose targets, such as to_q and to_v."
            )
        if not self.alpha > 0:
            raise EngineError(
                f"alpha {self.alpha} would switch the LoRA off. "
                "Choose a positive alpha, such as the rank."
            )
        number(self.alpha, "alpha", "Choose one near the rank.")

    def expert(self, layers: Mapping[str, Target], name: str, seed: int) -> Expert:
        """Fresh factors for `layers`; each layer's A depends on seed, name and path alone."""
        new = {}
        for path, layer in layers.items():
            a = torch.empty(self.rank, *layer.weight.shape[1:])
            generator = torch.Generator().manual_seed(derived_seed(seed, self.start or name, path))
            if self.init == "gaussian":
                nn.init.normal_(a, std=1 / self.rank, generator=generator)
            else:
                nn.init.kaiming_uniform_(a, a=math.sqrt(5), generator=generator)
            new[path] = Factors(
                a, torch.zeros(len(layer.weight), self.rank), self.alpha / self.rank
            )
        return new


def target_layers(model: nn.Module, targets: Iterable[str]) -> dict[str, Target]:
    """The layers whose path is, or ends in, one of `targets` (peft's rule), in the model's order."""
    ends = tuple(targets)
    found = {
        path: module
        for path, module in model.named_modules()
        if any(path == end or path.endswith(f".{end}") for end in ends)
    }
    layers = {path: module for path, module in found.items() if is_target(module)}
    for end in ends:
        if not any(path == end or path.endswith(f".{end}") for path in layers):
            raise EngineError(
                f"No linear layer or convolution is called {end!r}. "
                f"Choose targets from {', '.join(_endings(model))}."
            )
    if other := next((path for path in found if path not in layers), None):
        raise EngineError(
            f"{other} is a {type(found[other]).__name__}; only linear layers and plain "
            "convolutions can "
            "be targets."
        )
    return layers


def is_target(module: nn.Module | None) -> TypeGuard[Target]:
    """Linear layers, and convolutions whose every output sees every input."""
    if isinstance(module, nn.Conv2d):
        return module.groups == 1 and module.padding_mode == "zeros"
    return isinstance(module, nn.Linear)


def check_fits(expert: Expert, model: nn.Module) -> dict[str, Target]:
    """The layers `expert` belongs to. Raises EngineError when it was made for another base."""
    modules = dict(model.named_modules())
    layers = {}
    for path, factors in expert.items():
        layer = modules.get(path)
        if not is_target(layer):
            raise EngineError(
                f"The base has no linear layer or convolution {path}: the LoRA was made for "
                "another "
                "model. Choose the base that it was trained on."
            )
        ours, theirs = tuple(layer.weight.shape), (len(factors.b), *factors.a.shape[1:])
        if ours != theirs:
            raise EngineError(
                f"{path} is {_times(ours)} in the base and {_times(theirs)} in the LoRA. "
                "Choose the base that it was trained on."
            )
        layers[path] = layer
    return layers


def _times(shape: Iterable[int]) -> str:
    return " x ".join(map(str, shape))


def ending(path: str) -> str:
    """The part of a module path that names its role: `to_q`, `to_out.0`."""
    parts = path.split(".")
    return ".".join(parts[-2:] if parts[-1].isdigit() else parts[-1:])


def _endings(model: nn.Module) -> list[str]:
    return sorted({ending(path) for path, module in model.named_modules() if is_target(module)})
