"""Experts of which the sums can be done by hand or by dense matrices."""
import torch

from engine.models.lora.factors import Factors

BASE = {"model": "tiny", "sha256": "0"}


def three_experts(seed=0):
    """Three experts of unequal ranks, scales and layers; one layer is a convolution."""
    generator = torch.Generator().manual_seed(seed)

    def factors(rank, into, out, scale):
        a, b = torch.randn(rank, *into, generator=generator), torch.randn(out, rank, generator=generator)
        return Factors(a, b, scale)

    return {"a": {"x": factors(2, (6,), 5, 0.5), "conv": factors(3, (4, 3, 3), 7, 1.0)},
            "b": {"x": factors(3, (6,), 5, 2.0)},
            "c": {"x": factors(1, (6,), 5, 1.0), "conv": factors(1, (4, 3, 3), 7, 0.3), "y": factors(1, (2,), 2, 1.0)}}
