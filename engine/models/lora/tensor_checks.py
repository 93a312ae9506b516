"""Whether tensors can be a LoRA's: their types, their values, and that A and B fit together."""

from collections.abc import Collection, Mapping
from math import isfinite
from pathlib import Path

import torch
from torch import Tensor

from engine.core.errors import EngineError

MOST_VALUE = 65504.0
"""Of a factor: the largest number of half precision, in which people keep LoRAs."""
FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
WHOLE = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
CHOOSE_ANOTHER = "Make it again, or choose another file."
"""What to do about impossible values that nobody knows who wrote."""


def check_types(tensors: Mapping[str, Tensor], types: Collection[torch.dtype], file: Path) -> None:
    """Raises EngineError for a tensor of another type."""
    for key, tensor in tensors.items():
        if tensor.dtype not in types:
            raise EngineError(
                f"{file} holds {key} as {tensor.dtype}. Export it in float32, float16 or bfloat16."
            )


def check_values(tensors: Mapping[str, Tensor], subject: str, remedy: str) -> None:
    """Raises EngineError, ending in `remedy`, for what is no number or too large for a LoRA."""
    for key, tensor in tensors.items():
        largest = _largest(tensor)
        if not isfinite(largest):
            raise EngineError(f"{subject} holds values that are no numbers ({key}). {remedy}")
        if largest > MOST_VALUE:
            raise EngineError(
                f"{subject} holds values that are too large ({largest:.0e} in {key}; "
                f"a LoRA's lie far below 1). {remedy}"
            )


def _largest(tensor: Tensor) -> float:
    """The largest magnitude; NaN where there is one."""
    if not tensor.numel():
        return 0.0
    is_precise = tensor.dtype in (torch.float32, torch.float64)
    values = tensor if is_precise else tensor.float()
    return float(values.abs().max())


def fit_together(a: Tensor, b: Tensor) -> bool:
    """Whether B follows A: (rank, in) and (out, rank), or a convolution and one of 1 x 1."""
    if a.dim() != b.dim() or a.dim() not in (2, 4):
        return False
    rank = b.shape[1]
    has_no_window = b.flatten(1).shape[1] == rank
    return len(a) == rank and a.numel() > 0 and has_no_window
