"""LoRA files that others made: in diffusers', peft's or kohya's keys, checked against the model
they are to change.
"""

import json
import re
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from engine.core.errors import EngineError
from engine.core.store import read_json
from engine.models import tensor_files
from engine.models.lora import header_scales
from engine.models.lora.factors import Expert, check_fits
from engine.models.lora.layouts import diffusers, kohya

TEXT_ENCODER = re.compile(r"(text_encoder(_\d)?\.|lora_te\d?_).+")
KOHYA = "lora_unet_"
PEFT, PEFT_CONFIG = "base_model.model.", "adapter_config.json"
SCRIPTS = re.compile(r"\.lora\.(down|up)\.weight$")
ATTENTION_PROCESSOR = re.compile(r"\.processor\.(to_[qkv]|to_out)_lora\.(down|up)\.weight$")
ALPHA, DOWN = ".alpha", ".lora_down.weight"
FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
WHOLE = (torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8)
OTHER_KINDS = {
    "hada_": "a LoHa",
    "lokr_": "a LoKr",
    "lora_mid": "a LoRA with Tucker cores",
    "dora_scale": "a DoRA",
    "lora_magnitude_vector": "a DoRA",
    "oft_": "an OFT",
    "diff_b": "a LoRA with biases",
    "lora_embedding": "a LoRA of embeddings",
}
"""Adapters that are no plain sum of scale * B @ A, by a part of their keys."""


class Foreign(NamedTuple):
    """What a file gives an expert."""

    expert: Expert
    left_out: int
    """Tensors of the text encoder: experts change the denoiser alone."""
    notes: tuple[str, ...] = ()
    """Where the file contradicts itself, and what counted."""


def read(file: Path, model: nn.Module) -> Foreign:
    """Raises EngineError, naming the reason, for what is no plain LoRA of this model."""
    tensors, header = tensor_files.read(file)
    if kind := next(
        (name for part, name in OTHER_KINDS.items() if any(part in key for key in tensors)), None
    ):
        raise EngineError(
            f"{file} is {kind}, which is no plain sum of deltas and cannot be mixed. "
            "Export it as a plain LoRA."
        )
    _check_family(header, model, file)
    tensors, fields, told_in = _without_peft(tensors, header, file)
    own = {key: tensor for key, tensor in tensors.items() if not TEXT_ENCODER.fullmatch(key)}
    if not own:
        raise EngineError(
            f"{file} changes {'the text encoder alone' if tensors else 'nothing'}. Choose a LoRA "
            "of the "
            "denoiser."
        )
    alphas = {key: tensor for key, tensor in own.items() if key.endswith(ALPHA)}
    factors = {key: tensor for key, tensor in own.items() if key not in alphas}
    _check_types(factors, FLOATS, file)
    _check_types(alphas, (*FLOATS, *WHOLE), file)  # some write it whole
    diffusers.check_values(factors, str(file), diffusers.ANEW)
    expert = _expert(own, fields, file, told_in, model)
    check_fits(expert, model)
    counts, where = [float(alpha) for alpha in alphas.values()], "its layers"
    if told_in != file:
        told = header_scales.of_header(fields, file, told_in).alpha
        counts, where = [] if told is None else [told], told_in.name
    notes = header_scales.contradictions(header, file, counts, where)
    return Foreign(
        {path: f._replace(a=f.a.float(), b=f.b.float()) for path, f in expert.items()},
        len(tensors) - len(own),
        tuple(notes),
    )


def _check_types(tensors: dict[str, Tensor], kinds: tuple[torch.dtype, ...], file: Path) -> None:
    if odd := next((key for key, tensor in tensors.items() if tensor.dtype not in kinds), None):
        raise EngineError(
            f"{file} holds {odd} as {tensors[odd].dtype}. "
            "Export it in float32, float16 or bfloat16."
        )


def _check_family(header: dict[str, str], model: nn.Module, file: Path) -> None:
    """Raises EngineError when the header names another family: some layers have the same shapes in
    several.
    """
    told = kohya.family(header)
    width = getattr(model, "config", {}).get("cross_attention_dim")
    own = kohya.FAMILIES[width][0] if isinstance(width, int) and width in kohya.FAMILIES else ""
    if told and own and told != own:
        raise EngineError(
            f"{file} was made for {told}, and this base is {own}. "
            "Choose the base that it was trained on."
        )


def _without_peft(
    tensors: dict[str, Tensor], header: dict[str, str], file: Path
) -> tuple[dict[str, Tensor], dict[str, str], Path]:
    """peft's own files (adapter_model.safetensors) as diffusers would have written them.

    Their keys have another prefix, and alpha stands in adapter_config.json, the third value.
    Raises EngineError when that is not there.
    """
    if not any(key.startswith(PEFT) for key in tensors):
        return tensors, header, file
    config = file.with_name(PEFT_CONFIG)
    if not config.is_file():
        raise EngineError(
            f"{file} comes from peft, which keeps alpha in {PEFT_CONFIG}. Put that file beside it "
            "and "
            "take it in by the command line: python -m engine adopt."
        )
    told = read_json(config)
    if not isinstance(told, dict):
        raise EngineError(f"{config} holds no table. Fetch it again from where the LoRA is from.")
    told = {f"{diffusers.PREFIX}{name}": value for name, value in told.items()}
    own = {
        f"{diffusers.PREFIX}{key.removeprefix(PEFT).removeprefix(diffusers.PREFIX)}": tensor
        for key, tensor in tensors.items()
    }
    return own, {**header, header_scales.NESTED: json.dumps(told)}, config


def _expert(
    tensors: dict[str, Tensor], header: dict[str, str], file: Path, told_in: Path, model: nn.Module
) -> Expert:
    if any(key.startswith(KOHYA) for key in tensors):
        downs = [key for key in tensors if key.endswith(DOWN)]
        is_told = all(key.removesuffix(DOWN) + ALPHA in tensors for key in downs)
        scales = header_scales.of_header({} if is_told else header, file, told_in)
        diffusers.check_plain(scales.fields, file)
        return kohya.read(tensors, model, str(file), scales)
    of_today = {_of_today(key): tensor for key, tensor in tensors.items()}
    return diffusers.factors_of(of_today, header, file, told_in)


def _of_today(key: str) -> str:
    """A key of diffusers' training scripts, older ones too, as peft names it; any other key as it
    is.
    """
    key = ATTENTION_PROCESSOR.sub(
        lambda m: f".{m[1]}{'.0' * (m[1] == 'to_out')}.lora.{m[2]}.weight", key
    )
    return SCRIPTS.sub(lambda m: f".lora_{'A' if m[1] == 'down' else 'B'}.weight", key)
