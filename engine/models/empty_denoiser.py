"""A checkpoint's denoiser without its weights: what shapes it has, in no time and no memory."""

from pathlib import Path
from typing import Any

import torch

from engine.core.errors import EngineError
from engine.models import checkpoints, parts, weight_files


def unet(folder: Path) -> Any:
    """The UNet of a diffusers pipeline folder, on the meta device.

    Raises EngineError when it has none, or one that does not open.
    """
    from diffusers import UNet2DConditionModel

    if not (folder / "unet" / "config.json").is_file():
        raise EngineError(
            f"{folder.name} has no UNet, and experts change nothing else. Choose Stable Diffusion "
            "1, 2 or XL, or the base that ships."
        )
    try:
        weight_files.check(folder / "unet")
        with torch.device("meta"):
            config = UNet2DConditionModel.load_config(folder / "unet")
            return UNet2DConditionModel.from_config(config)
    except Exception as error:  # foreign files in a foreign library: it may raise anything
        fault = parts.because(error)
        named = parts.Faulty(f"its unet {fault}", fault.remedy)
        raise checkpoints.faulty(folder.name, checkpoints.PIPELINE, named) from error
