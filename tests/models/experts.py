"""Experts whose factors matter."""
import torch
from torch import Tensor

from engine.models.mixture import Mixture

ROWS = 4


def difference(ours: Tensor, theirs: Tensor) -> float:
    """The norm of the difference, relative to the norm of what is expected."""
    return float((ours - theirs).detach().norm() / theirs.detach().norm())


def random_experts(mixture: Mixture, scale: float = 0.1) -> None:
    """B is zero in a fresh expert; give every factor weights that matter."""
    generator = torch.Generator().manual_seed(3)
    for name in mixture.names:
        for parameter in mixture.parameters_of(name):
            parameter.data.copy_(torch.randn(parameter.shape, generator=generator) * scale)
