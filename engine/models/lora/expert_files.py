"""An expert on disk: `pytorch_lora_weights.safetensors` in its folder, in diffusers' layout."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from engine.models import tensor_files
from engine.models.lora import header_scales
from engine.models.lora.cards import FILE_NAME, check_base
from engine.models.lora.factors import Expert
from engine.models.lora.layouts import RawFile, diffusers
from engine.models.lora.tensor_checks import CHOOSE_ANOTHER, check_values

DIVERGED = "Its training diverged: train it again with a lower learning rate."
"""What to do about impossible values that training wrote."""


class LoraFile(NamedTuple):
    """What a file holds."""

    expert: Expert
    recipe: dict[str, Any]
    """How it was made; empty for files that others wrote."""


def write(folder: Path, expert: Expert, recipe: Mapping[str, Any], remedy: str = DIVERGED) -> Path:
    """Write an expert into `folder`, atomically.

    Raises EngineError, ending in `remedy`, when a factor is no number or far too large for one.
    """
    contents = diffusers.write(expert, recipe)
    check_values(contents.tensors, "The expert", remedy)
    tensor_files.write(folder / FILE_NAME, contents.tensors, contents.header)
    return folder / FILE_NAME


def read(folder: Path) -> LoraFile:
    """Read an expert from its folder, or from a file.

    Raises EngineError for what is no plain LoRA.
    """
    file = folder / FILE_NAME if folder.is_dir() else folder
    tensors, header = tensor_files.read(file)
    check_values(tensors, str(file), CHOOSE_ANOTHER)
    scales = header_scales.read_scales(header, file)
    reading = diffusers.read_factors(RawFile(file, tensors, header), scales)
    return LoraFile(reading.expert, _recipe(header, file))


def read_recipe(folder: Path) -> dict[str, Any]:
    """How the expert in `folder` was made, without reading its tensors; empty for files that others
    wrote.
    """
    file = folder / FILE_NAME
    with tensor_files.open_file(file) as tensors:
        return _recipe(tensors.metadata() or {}, file)


def _recipe(header: Mapping[str, str], file: Path) -> dict[str, Any]:
    """Raises EngineError where the base, by which experts are told apart, is no base."""
    recipe = header_scales.json_table(header, "recipe", file)
    check_base(recipe.get("base"), file)
    return recipe
