"""LoRA files of other programs: read in whatever layout they are, checked against the model they
are to change, and written in the layout that somebody asks for.
"""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn

from engine.core.errors import EngineError
from engine.models import tensor_files
from engine.models.lora import header_scales, layouts, modelspec, prefixes
from engine.models.lora.factors import Expert, check_fits
from engine.models.lora.layouts import Layout, RawFile
from engine.models.lora.tensor_checks import (
    CHOOSE_ANOTHER,
    FLOATS,
    WHOLE,
    check_types,
    check_values,
)

ALPHA = ".alpha"
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


def read(path: Path, model: nn.Module) -> Foreign:
    """Raises EngineError, naming the reason, for what is no plain LoRA of this model."""
    tensors, header = tensor_files.read(path)
    _check_kind(tensors, path)
    modelspec.check_family(header, model, path)
    of_denoiser = {}
    for key, tensor in tensors.items():
        if not prefixes.is_of_text_encoder(key):
            of_denoiser[key] = tensor
    if not of_denoiser:
        part = "the text encoder alone" if tensors else "nothing"
        raise EngineError(f"{path} changes {part}. Choose a LoRA of the denoiser.")
    _check_tensors(of_denoiser, path)
    file = RawFile(path, of_denoiser, header)
    reading = _layout_of(file).read(file, model)
    check_fits(reading.expert, model)
    expert = {layer: factors.in_float32() for layer, factors in reading.expert.items()}
    notes = header_scales.contradictions(header, path, reading.alphas, reading.alphas_place)
    return Foreign(expert, len(tensors) - len(of_denoiser), tuple(notes))


def write(path: Path, layout: str, expert: Expert, recipe: Mapping[str, Any]) -> None:
    """Write an expert in a layout, by its name.

    Raises EngineError for a layout that is only read, and for an expert that it cannot hold.
    """
    contents = layouts.load_writable(layout).write(expert, recipe)
    tensor_files.write(path, contents.tensors, contents.header)


def _layout_of(file: RawFile) -> Layout:
    layout = layouts.recognise(file.tensors)
    if layout is not None:
        return layout
    key = min(file.tensors)
    shape = tuple(file.tensors[key].shape)
    known = "; ".join(layouts.load(name).KEYS for name in layouts.names())
    raise EngineError(
        f"{file.path} holds {key} {shape}. Only LoRAs of linear layers and "
        f"convolutions can be read, in one of these namings: {known}."
    )


def _check_kind(keys: Collection[str], path: Path) -> None:
    for part, kind in OTHER_KINDS.items():
        if any(part in key for key in keys):
            raise EngineError(
                f"{path} is {kind}, which is no plain sum of deltas and cannot be mixed. "
                "Export it as a plain LoRA."
            )


def _check_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    alphas, factors = {}, {}
    for key, tensor in tensors.items():
        if key.endswith(ALPHA):
            alphas[key] = tensor
        else:
            factors[key] = tensor
    check_types(factors, FLOATS, path)
    check_types(alphas, (*FLOATS, *WHOLE), path)  # some write it whole
    check_values(factors, str(path), CHOOSE_ANOTHER)
