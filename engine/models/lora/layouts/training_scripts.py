"""LoRAs as diffusers' training scripts saved them, those before peft too.

Keys are `unet.<module path>.lora.down.weight` and `.lora.up.weight`, or of attention processors
`unet.<attention>.processor.to_q_lora.down.weight`. Renamed they are today's.
"""

import re
from collections.abc import Collection

from torch import nn

from engine.models.lora.layouts import RawFile, Reading, diffusers

LABEL = "diffusers' training scripts"
KEYS = "unet.<module>.lora.down.weight and lora.up.weight"
SCRIPT = re.compile(r"\.lora\.(?P<side>down|up)\.weight$")
PROCESSOR = re.compile(r"\.processor\.(?P<layer>to_[qkv]|to_out)_lora\.(?P<side>down|up)\.weight$")
PEFT_SIDES = {"down": "A", "up": "B"}


def recognises(keys: Collection[str]) -> bool:
    return any(rename(key) != key for key in keys)


def read(file: RawFile, model: nn.Module) -> Reading:
    """Scaled as the header says."""
    tensors = {rename(key): tensor for key, tensor in file.tensors.items()}
    return diffusers.read(file._replace(tensors=tensors), model)


def rename(key: str) -> str:
    """As peft names it; any other key as it is."""
    return SCRIPT.sub(_peft_side, PROCESSOR.sub(_of_module, key))


def _of_module(match: re.Match[str]) -> str:
    """The module of an attention that the processor's layer stands for."""
    layer = "to_out.0" if match["layer"] == "to_out" else match["layer"]
    return f".{layer}.lora.{match['side']}.weight"


def _peft_side(match: re.Match[str]) -> str:
    return f".lora_{PEFT_SIDES[match['side']]}.weight"
