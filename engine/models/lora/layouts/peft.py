"""LoRAs as peft itself saves them: adapter_model.safetensors, and beside it adapter_config.json.

Keys are `base_model.model.<module path>.lora_A.weight`; alpha stands in the other file.
"""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from torch import nn

from engine.core.errors import EngineError
from engine.core.store import read_json
from engine.models.lora import prefixes
from engine.models.lora.header_scales import NESTED, read_scales
from engine.models.lora.layouts import RawFile, Reading, diffusers

LABEL = "peft"
KEYS = "base_model.model.<module>.lora_A.weight and lora_B.weight"
PREFIX = "base_model.model."
CONFIG = "adapter_config.json"


def recognises(keys: Collection[str]) -> bool:
    return any(key.startswith(PREFIX) for key in keys)


def read(file: RawFile, model: nn.Module) -> Reading:
    """Scaled as adapter_config.json says."""
    config = file.path.with_name(CONFIG)
    fields = _read_config(config, file.path)
    tensors = {}
    for key, tensor in file.tensors.items():
        tensors[_rename(key)] = tensor
    header = {**file.header, NESTED: json.dumps(fields)}  # counts before what the file says
    scales = read_scales(header, config)
    reading = diffusers.read_factors(file._replace(tensors=tensors), scales)
    alphas = () if scales.alpha is None else (scales.alpha,)
    return reading._replace(alphas=alphas, alphas_place=CONFIG)


def _rename(key: str) -> str:
    """As diffusers would have written it; some write both prefixes."""
    known = prefixes.of_denoisers("diffusers")
    path = key.removeprefix(PREFIX)
    return path if path.startswith(known) else f"{known[0]}{path}"


def _read_config(config: Path, weights: Path) -> dict[str, Any]:
    if not config.is_file():
        raise EngineError(
            f"{weights} comes from peft, which keeps alpha in {CONFIG}. Put that file beside it "
            "and take it in by the command line: python -m engine adopt."
        )
    fields = read_json(config)
    if not isinstance(fields, dict):
        raise EngineError(f"{config} holds no table. Fetch it again from where the LoRA is from.")
    return fields
