"""What an expert is: at every target layer two thin matrices A and B that stand for the delta scale * B @ A.

[LoRA](https://arxiv.org/abs/2106.09685), section 4.1: h = W x + (alpha / r) B A x.
"""
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from engine.core.errors import EngineError
from engine.core.recipe import derived_seed

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")


class Factors(NamedTuple):
    """One layer's share of an expert; its delta is `scale * b @ a`."""

    a: Tensor
    """(rank, in)"""
    b: Tensor
    """(out, rank)"""
    scale: float
    """alpha / rank"""

    @property
    def rank(self) -> int:
        return self.a.shape[0]

    def delta(self) -> Tensor:
        """What is added to the layer's weight, (out, in)."""
        return self.scale * (self.b @ self.a)


Expert = dict[str, Factors]
"""A whole LoRA: module path -> factors."""


@dataclass(frozen=True)
class Lora:
    """How a new expert starts: B is zero, A is random from `seed` and the expert's name."""

    rank: int = 16
    alpha: float = 16.0
    targets: tuple[str, ...] = ATTENTION
    init: Literal["gaussian", "kaiming"] = "gaussian"
    """Gaussian has standard deviation 1 / rank (diffusers, SELMA); kaiming is uniform (peft's default)."""
    start: str | None = None
    """Experts with the same `start` have the same A; None starts each from its own name."""

    def __post_init__(self) -> None:
        if self.rank < 1:
            raise EngineError(f"A LoRA of rank {self.rank} holds nothing. Choose a rank of 1 or more.")
        if not self.alpha > 0:
            raise EngineError(f"alpha {self.alpha} would switch the LoRA off. "
                              "Choose a positive alpha, such as the rank.")

    def expert(self, layers: Mapping[str, nn.Linear], name: str, seed: int) -> Expert:
        """Fresh factors for `layers`; each layer's A depends on seed, name and path alone."""
        new = {}
        for path, linear in layers.items():
            a = torch.empty(self.rank, linear.in_features)
            generator = torch.Generator().manual_seed(derived_seed(seed, self.start or name, path))
            if self.init == "gaussian":
                nn.init.normal_(a, std=1 / self.rank, generator=generator)
            else:
                nn.init.kaiming_uniform_(a, a=math.sqrt(5), generator=generator)
            new[path] = Factors(a, torch.zeros(linear.out_features, self.rank), self.alpha / self.rank)
        return new


def target_layers(model: nn.Module, targets: Iterable[str]) -> dict[str, nn.Linear]:
    """The linear layers whose path is, or ends in, one of `targets` (peft's rule), in the model's order."""
    ends = tuple(targets)
    found = {path: module for path, module in model.named_modules()
             if any(path == end or path.endswith(f".{end}") for end in ends)}
    linear = {path: module for path, module in found.items() if isinstance(module, nn.Linear)}
    for end in ends:
        if not any(path == end or path.endswith(f".{end}") for path in linear):
            raise EngineError(f"No linear layer is called {end!r}. "
                              f"Choose targets from {', '.join(_endings(model))}.")
    if other := next((path for path in found if path not in linear), None):
        raise EngineError(f"{other} is a {type(found[other]).__name__}; only linear layers can be targets.")
    return linear


def check_fits(expert: Expert, model: nn.Module) -> dict[str, nn.Linear]:
    """The layers `expert` belongs to. Raises EngineError when it was made for another base."""
    modules = dict(model.named_modules())
    layers = {}
    for path, factors in expert.items():
        linear = modules.get(path)
        if not isinstance(linear, nn.Linear):
            raise EngineError(f"The base has no linear layer {path}: the LoRA was made for another model. "
                              "Choose the base that it was trained on.")
        if (linear.out_features, linear.in_features) != (factors.b.shape[0], factors.a.shape[1]):
            raise EngineError(f"{path} is {linear.out_features} x {linear.in_features} in the base and "
                              f"{factors.b.shape[0]} x {factors.a.shape[1]} in the LoRA. "
                              "Choose the base that it was trained on.")
        layers[path] = linear
    return layers


def ending(path: str) -> str:
    """The part of a module path that names its role: `to_q`, `to_out.0`."""
    parts = path.split(".")
    return ".".join(parts[-2:] if parts[-1].isdigit() else parts[-1:])


def _endings(model: nn.Module) -> list[str]:
    return sorted({ending(path) for path, module in model.named_modules() if isinstance(module, nn.Linear)})
