"""Experts whose factors matter."""
from typing import Any

import torch
from torch import Tensor

from engine.models.mixture import Mixture

ROWS = 4
FP32, FP64 = 2e-6, 1e-12
"""What two right sums of the same numbers may differ by. The bare UNet's own fp32 output lies 8e-7 from its fp64
output: 1e-6 in fp32 would test the order of the additions on this CPU. The same cases in fp64 leave no doubt."""


def difference(ours: Tensor, theirs: Tensor) -> float:
    """The norm of the difference, relative to the norm of what is expected."""
    return float((ours - theirs).detach().norm() / theirs.detach().norm())


def of_type(inputs: dict[str, Any], dtype: torch.dtype) -> dict[str, Any]:
    """Tensors, and dictionaries of them, with the floating ones in `dtype`."""
    return {key: of_type(value, dtype) if isinstance(value, dict) else
            value.to(dtype) if value.is_floating_point() else value for key, value in inputs.items()}


def random_experts(mixture: Mixture, scale: float = 0.1) -> None:
    """B is zero in a fresh expert; give every factor weights that matter."""
    generator = torch.Generator().manual_seed(3)
    for name in mixture.names:
        for parameter in mixture.parameters_of(name):
            parameter.data.copy_(torch.randn(parameter.shape, generator=generator) * scale)
