"""An expert on disk: `pytorch_lora_weights.safetensors`, as diffusers and peft write and read it.

Keys are `unet.<module path>.lora_A.weight` (rank, in) and `.lora_B.weight` (out, rank), of a
convolution with its window and 1 x 1. The header holds rank and alpha as diffusers' own
`lora_adapter_metadata` (without it every reader assumes alpha = rank) and, under `recipe`, how the
expert was made. Nothing is ever unpickled.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping
from math import isfinite
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from engine.core.errors import EngineError
from engine.models import tensor_files
from engine.models.lora import header_scales, prefixes
from engine.models.lora.alphas import number
from engine.models.lora.cards import FILE_NAME, check_base
from engine.models.lora.factors import MOST_VALUE, Expert, Factors, ending

PREFIX = "unet."
KEY = re.compile(rf"({prefixes.pattern('diffusers')})(?P<path>.+)\.lora_(?P<side>[AB])\.weight")
NOT_A_SUM = {"use_dora": "DoRA", "lora_bias": "a LoRA with biases", "use_qalora": "QA-LoRA"}
"""Adapters that are more than scale * B @ A, by their flag in the header."""

TAKEN_FROM_THE_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")
"""peft's starts that change the base's own weights, as `init_lora_weights` names them."""

DIVERGED = "Its training diverged: train it again with a lower learning rate."
ANEW = "Make it again, or choose another file."
"""What to do about impossible values: that training wrote, and that nobody knows who wrote."""


class LoraFile(NamedTuple):
    """What a file holds."""

    expert: Expert
    recipe: dict[str, Any]
    """How it was made; empty for files that others wrote."""


def write(folder: Path, expert: Expert, recipe: dict[str, Any], remedy: str = DIVERGED) -> Path:
    """Write an expert into `folder`, atomically.

    Raises EngineError, ending in `remedy`, when a factor is no number or far too large for one.
    """
    prefix = prefixes.of_base("diffusers", recipe)
    tensors = {
        f"{prefix}{path}.{key}": tensor
        for path, factors in expert.items()
        for key, tensor in factors.tensors().items()
    }
    check_values(tensors, "The expert", remedy)
    header = {
        "format": "pt",
        "recipe": json.dumps(recipe, ensure_ascii=False, sort_keys=True),
        "lora_adapter_metadata": json.dumps(
            _adapter_metadata(expert, prefix), indent=2, sort_keys=True
        ),
    }
    tensor_files.write(folder / FILE_NAME, tensors, header)
    return folder / FILE_NAME


def read(folder: Path) -> LoraFile:
    """Read an expert from its folder, or from a file. Raises EngineError for what is no plain LoRA."""
    file = folder / FILE_NAME if folder.is_dir() else folder
    tensors, header = tensor_files.read(file)
    check_values(tensors, str(file), ANEW)
    return LoraFile(factors_of(tensors, header, file), _recipe(header, file))


def factors_of(
    tensors: dict[str, Tensor], header: dict[str, str], file: Path, told_in: Path | None = None
) -> Expert:
    """Factors of peft's keys, scaled as the header says, whose fields may stand in `told_in`.

    Raises EngineError for what is no plain LoRA.
    """
    scales = header_scales.of_header(header, file, told_in)
    check_plain(scales.fields, file)
    return {
        path: Factors(a, b.flatten(1), scales.of(path, len(a)))
        for path, (a, b) in _pairs(tensors, file).items()
    }


def check_plain(fields: Mapping[str, Any], file: Path) -> None:
    """Raises EngineError when peft's fields say that the LoRA is more than scale * B @ A."""
    if kind := next((name for flag, name in NOT_A_SUM.items() if fields.get(flag)), None):
        raise EngineError(
            f"{file} is {kind}, which is no plain sum of deltas and cannot be mixed. "
            "Train or export it as a plain LoRA."
        )
    if str(start := fields.get("init_lora_weights")).startswith(TAKEN_FROM_THE_BASE):
        raise EngineError(
            f"{file} was begun by {start}, which takes its start out of the base: on the base "
            "itself it "
            "means something else. Save it again as a plain LoRA, with peft's "
            "path_initial_model_for_weight_conversion."
        )


def read_recipe(folder: Path) -> dict[str, Any]:
    """How the expert in `folder` was made, without reading its tensors; empty for files that others
    wrote.
    """
    with tensor_files.opened(folder / FILE_NAME) as opened:
        return _recipe(opened.metadata() or {}, folder / FILE_NAME)


def _adapter_metadata(expert: Expert, prefix: str) -> dict[str, Any]:
    """peft's LoraConfig with diffusers' prefix; the fields that are left out have peft's default.

    Newer fields than these would keep older versions of peft from reading the file.
    """
    ranks = {path: factors.rank for path, factors in expert.items()}
    alphas = {path: _alpha(factors) for path, factors in expert.items()}
    for path, alpha in alphas.items():
        number(alpha, f"alpha of {path}")  # what is written can be read
    rank, usual = _commonest(ranks), _commonest(alphas)
    config = {
        "r": rank,
        "lora_alpha": usual,
        "bias": "none",
        "use_rslora": False,
        "use_dora": False,
        "target_modules": sorted({ending(path) for path in expert}),
        "rank_pattern": {path: own for path, own in ranks.items() if own != rank},
        "alpha_pattern": {path: own for path, own in alphas.items() if own != usual},
    }
    return {f"{prefix}{key}": value for key, value in config.items()}


def _alpha(factors: Factors) -> float:
    """A whole number where it was one before the division by the rank."""
    alpha = round(factors.scale * factors.rank, 9)
    return int(alpha) if alpha.is_integer() else alpha


def _pairs(tensors: dict[str, Tensor], file: Path) -> dict[str, tuple[Tensor, Tensor]]:
    """A and B by module path. Raises EngineError for any other key, and for shapes that do not
    multiply.
    """
    sides: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        match = KEY.fullmatch(key)
        if match is None or tensor.dim() not in (2, 4):
            raise EngineError(
                f"{file} holds {key} {tuple(tensor.shape)}. Only LoRAs of a UNet's linear layers "
                "and "
                "convolutions can be read: unet.<module>.lora_A.weight and lora_B.weight."
            )
        sides.setdefault(match["path"], {})[match["side"]] = tensor
    for path, pair in sides.items():
        if len(pair) < 2 or not multiply(pair["A"], pair["B"]):
            raise EngineError(
                f"{file}: lora_A and lora_B of {path} do not fit together. Make it again."
            )
    if not sides:
        raise EngineError(f"{file} holds no LoRA. Choose the {FILE_NAME} of an expert.")
    return {path: (pair["A"], pair["B"]) for path, pair in sides.items()}


def multiply(a: Tensor, b: Tensor) -> bool:
    """Whether B follows A: (rank, in) and (out, rank), or a convolution and one of 1 x 1."""
    if a.dim() != b.dim() or a.dim() not in (2, 4):
        return False
    return a.shape[0] == b.shape[1] and a.numel() > 0 and b.flatten(1).shape[1] == b.shape[1]


def check_values(tensors: Mapping[str, Tensor], what: str, remedy: str) -> None:
    """Raises EngineError, ending in `remedy`, for what is no number or too large for a LoRA."""
    for key, tensor in tensors.items():
        values = tensor if tensor.dtype in (torch.float32, torch.float64) else tensor.float()
        largest = float(values.abs().max()) if values.numel() else 0.0
        if not isfinite(largest):
            raise EngineError(f"{what} holds values that are no numbers ({key}). {remedy}")
        if largest > MOST_VALUE:
            raise EngineError(
                f"{what} holds values that are too large ({largest:.0e} in {key}; "
                f"a LoRA's lie far below 1). {remedy}"
            )


def _recipe(header: Mapping[str, str], file: Path) -> dict[str, Any]:
    """Raises EngineError where the base, by which experts are told apart, is no base."""
    recipe = header_scales.parsed(header, "recipe", file)
    check_base(recipe.get("base"), file)
    return recipe


def _commonest(values: dict[str, Any]) -> Any:
    return Counter(values.values()).most_common(1)[0][0]
