"""LoRAs as diffusers saves them, with peft's names, both ways; experts are kept so.

Keys are `unet.<module path>.lora_A.weight` (rank, in) and `.lora_B.weight` (out, rank), of a
convolution with its window and 1 x 1. The header holds rank and alpha as diffusers' own
`lora_adapter_metadata` (without it every reader assumes alpha = rank) and, under `recipe`, how the
expert was made.
"""

import json
import re
from collections import Counter
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from engine.core.errors import EngineError
from engine.models.lora import prefixes
from engine.models.lora.alphas import parse_alpha
from engine.models.lora.cards import FILE_NAME
from engine.models.lora.factors import Expert, Factors, ending
from engine.models.lora.header_scales import NESTED, Scales, read_scales
from engine.models.lora.layouts import Contents, RawFile, Reading
from engine.models.lora.tensor_checks import fit_together

LABEL = "diffusers, peft"
KEYS = "unet.<module>.lora_A.weight and lora_B.weight"
KEY = re.compile(rf"({prefixes.pattern('diffusers')})(?P<path>.+)\.lora_(?P<side>[AB])\.weight")
NOT_A_SUM = {"use_dora": "DoRA", "lora_bias": "a LoRA with biases", "use_qalora": "QA-LoRA"}
"""Adapters that are more than scale * B @ A, by their flag in the header."""
TAKEN_FROM_THE_BASE = ("pissa", "olora", "corda", "loftq", "lora_ga")
"""peft's starts that change the base's own weights, as `init_lora_weights` names them."""


def recognises(keys: Collection[str]) -> bool:
    return any(KEY.fullmatch(key) for key in keys)


def read(file: RawFile, model: nn.Module) -> Reading:
    """Scaled as the header says."""
    return read_factors(file, read_scales(file.header, file.path))


def read_factors(file: RawFile, scales: Scales) -> Reading:
    """Scaled as `scales` says. Raises EngineError for what is no plain LoRA."""
    check_plain(scales.fields, file.path)
    expert = {}
    for path, pair in _sides(file).items():
        a, b = pair.get("A"), pair.get("B")
        if a is None or b is None or not fit_together(a, b):
            raise EngineError(
                f"{file.path}: lora_A and lora_B of {path} do not fit together. Make it again."
            )
        expert[path] = Factors(a, b.flatten(1), scales.scale(path, len(a)))
    return Reading(expert)


def write(expert: Expert, recipe: Mapping[str, Any]) -> Contents:
    """In the factors' own precision."""
    prefix = prefixes.of_base("diffusers", recipe)
    tensors = {}
    for path, factors in expert.items():
        for key, tensor in factors.tensors().items():
            tensors[f"{prefix}{path}.{key}"] = tensor
    fields = _adapter_fields(expert)
    metadata = {f"{prefix}{name}": value for name, value in fields.items()}
    header = {
        "format": "pt",
        "recipe": json.dumps(recipe, ensure_ascii=False, sort_keys=True),
        NESTED: json.dumps(metadata, indent=2, sort_keys=True),
    }
    return Contents(tensors, header)


def check_plain(fields: Mapping[str, Any], file: Path) -> None:
    """Raises EngineError when peft's fields say that the LoRA is more than scale * B @ A."""
    for flag, kind in NOT_A_SUM.items():
        if fields.get(flag):
            raise EngineError(
                f"{file} is {kind}, which is no plain sum of deltas and cannot be mixed. "
                "Train or export it as a plain LoRA."
            )
    start = str(fields.get("init_lora_weights"))
    if start.startswith(TAKEN_FROM_THE_BASE):
        raise EngineError(
            f"{file} was begun by {start}, which takes its start out of the base: on the base "
            "itself it means something else. Save it again as a plain LoRA, with peft's "
            "path_initial_model_for_weight_conversion."
        )


def _sides(file: RawFile) -> dict[str, dict[str, Tensor]]:
    """A and B by module path. Raises EngineError for any other key."""
    sides: dict[str, dict[str, Tensor]] = {}
    for key, tensor in file.tensors.items():
        match = KEY.fullmatch(key)
        if match is None or tensor.dim() not in (2, 4):
            raise EngineError(
                f"{file.path} holds {key} {tuple(tensor.shape)}. Only LoRAs of linear layers and "
                f"convolutions can be read: {KEYS}."
            )
        of_layer = sides.setdefault(match["path"], {})
        of_layer[match["side"]] = tensor
    if not sides:
        raise EngineError(f"{file.path} holds no LoRA. Choose the {FILE_NAME} of an expert.")
    return sides


def _adapter_fields(expert: Expert) -> dict[str, Any]:
    """peft's LoraConfig; the fields that are left out have peft's default.

    Newer fields than these would keep older versions of peft from reading the file.
    """
    ranks = {path: factors.rank for path, factors in expert.items()}
    alphas = {path: _alpha(factors) for path, factors in expert.items()}
    for path, alpha in alphas.items():
        parse_alpha(alpha, f"alpha of {path}")  # what is written can be read
    rank = _commonest(ranks)
    alpha = _commonest(alphas)
    return {
        "r": rank,
        "lora_alpha": alpha,
        "bias": "none",
        "use_rslora": False,
        "use_dora": False,
        "target_modules": sorted(set(map(ending, expert))),
        "rank_pattern": _exceptions(ranks, rank),
        "alpha_pattern": _exceptions(alphas, alpha),
    }


def _alpha(factors: Factors) -> float:
    """A whole number where it was one before the division by the rank."""
    alpha = round(factors.scale * factors.rank, 9)
    return int(alpha) if alpha.is_integer() else alpha


def _commonest(values: Mapping[str, Any]) -> Any:
    counts = Counter(values.values()).most_common(1)
    return counts[0][0]


def _exceptions(values: Mapping[str, Any], usual: Any) -> dict[str, Any]:
    """The layers whose value is another than the usual one."""
    return {path: value for path, value in values.items() if value != usual}
