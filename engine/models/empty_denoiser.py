"""A checkpoint's denoiser without its weights: what shapes it has, in no time and no memory."""

from pathlib import Path
from typing import Any

import torch

from engine.core.errors import EngineError
from engine.models import checkpoints, families, parts, weight_files


def load(folder: Path) -> Any:
    """The network of a diffusers pipeline folder that experts change, on the meta device.

    Raises EngineError when no family takes the pipeline, and for a network that does not open.
    """
    family = families.of_folder(folder)
    if family is None or not (folder / family.MODULE / "config.json").is_file():
        raise EngineError(
            f"{folder.name} has no denoiser that experts can change. "
            f"Choose a base of {families.choices()}."
        )
    place = folder / family.MODULE
    try:
        index = weight_files.read_index(folder)
        kind = parts.module_class(index[family.MODULE])
        weight_files.check(place)
        with torch.device("meta"):
            return kind.from_config(kind.load_config(place))
    except Exception as error:  # foreign files in a foreign library: it may raise anything
        fault = parts.because(error)
        whole_fault = parts.Faulty(f"its {family.MODULE} {fault}", fault.remedy)
        raise checkpoints.faulty(folder.name, checkpoints.PIPELINE, whole_fault) from error
