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
from engine.models.lora.alphas import parse_alpha

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
        delta = self.scale * (self.b @ self.a.flatten(1))
        return delta.unflatten(1, self.a.shape[1:])

    def tensors(self) -> dict[str, Tensor]:
        """By peft's names and in its shapes: B of a convolution is a 1 x 1 convolution."""
        window = [1] * (self.a.dim() - 2)
        b = self.b.view(*self.b.shape, *window)
        return {"lora_A.weight": self.a, "lora_B.weight": b}

    def in_float32(self) -> "Factors":
        """The same in single precision, in which deltas are computed."""
        return self._replace(a=self.a.float(), b=self.b.float())


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
        parse_alpha(self.alpha, "alpha", "Choose one near the rank.")

    def expert(self, layers: Mapping[str, Target], name: str, seed: int) -> Expert:
        """Fresh factors for `layers`; each layer's A depends on seed, name and path alone."""
        expert = {}
        for path, layer in layers.items():
            a = self._random_a(layer, derived_seed(seed, self.start or name, path))
            b = torch.zeros(len(layer.weight), self.rank)
            expert[path] = Factors(a, b, self.alpha / self.rank)
        return expert

    def _random_a(self, layer: Target, seed: int) -> Tensor:
        a = torch.empty(self.rank, *layer.weight.shape[1:])
        generator = torch.Generator().manual_seed(seed)
        if self.init == "gaussian":
            return nn.init.normal_(a, std=1 / self.rank, generator=generator)
        return nn.init.kaiming_uniform_(a, a=math.sqrt(5), generator=generator)


def target_layers(model: nn.Module, targets: Iterable[str]) -> dict[str, Target]:
    """The layers whose path is, or ends in, one of `targets` (peft's rule), in the model's order.

    Raises EngineError for a target that no layer has, and for one that LoRA cannot change.
    """
    targets = tuple(targets)
    layers: dict[str, Target] = {}
    others: list[tuple[str, nn.Module]] = []
    for path, module in model.named_modules():
        if not _ends_in_any(path, targets):
            continue
        if is_target(module):
            layers[path] = module
        else:
            others.append((path, module))
    for target in targets:
        if not any(_ends_in(path, target) for path in layers):
            choices = ", ".join(_endings(model))
            raise EngineError(
                f"No linear layer or convolution is called {target!r}. Choose targets from "
                f"{choices}."
            )
    if others:
        path, module = others[0]
        raise EngineError(
            f"{path} is a {type(module).__name__}; only linear layers and plain "
            "convolutions can be targets."
        )
    return layers


def _ends_in(path: str, target: str) -> bool:
    return path == target or path.endswith(f".{target}")


def _ends_in_any(path: str, targets: Iterable[str]) -> bool:
    return any(_ends_in(path, target) for target in targets)


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
                "another model. Choose the base that it was trained on."
            )
        weight_shape = tuple(layer.weight.shape)
        delta_shape = (len(factors.b), *factors.a.shape[1:])
        if weight_shape != delta_shape:
            raise EngineError(
                f"{path} is {_times(weight_shape)} in the base and {_times(delta_shape)} in "
                "the LoRA. Choose the base that it was trained on."
            )
        layers[path] = layer
    return layers


def _times(shape: Iterable[int]) -> str:
    return " x ".join(map(str, shape))


def ending(path: str) -> str:
    """The part of a module path that names its role: `to_q`, `to_out.0`."""
    parts = path.split(".")
    length = 2 if parts[-1].isdigit() else 1
    return ".".join(parts[-length:])


def _endings(model: nn.Module) -> list[str]:
    endings = set()
    for path, module in model.named_modules():
        if is_target(module):
            endings.add(ending(path))
    return sorted(endings)
