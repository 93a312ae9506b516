"""Open diffusers' text-to-image pipelines: only safetensors, never code from the checkpoint."""

import inspect
import logging
from pathlib import Path
from typing import Any

import torch

from engine.core.errors import EngineError
from engine.models import checkpoints, parts, weight_files

OTHER_TASKS = {"strength", "mask_image", "image_guidance_scale", "noise_level", "num_frames"}
"""Arguments of a pipeline's call that say it starts from a picture, or makes something else than
one.
"""


def load(model_id: str, folder: Path, dtype: torch.dtype) -> Any:
    """A pipeline with its weights in `dtype`, but the VAE's, which stay in float32.

    SDXL's VAE overflows below it. Raises EngineError for what does not open or does not paint.
    """
    pipe = _from_folder(model_id, folder, dtype)
    # It would log every text longer than CLIP's window, and paragraphs are meant to overflow it.
    logging.getLogger(type(pipe).__module__).setLevel(logging.ERROR)
    pipe.set_progress_bar_config(disable=True)
    _arrange(pipe)
    return pipe


def _from_folder(model_id: str, folder: Path, dtype: torch.dtype) -> Any:
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    for library in (diffusers_logging, transformers_logging):
        library.disable_progress_bar()
    try:
        index = weight_files.read_index(folder)
        kind = parts.pipeline_class(index)
        _check_paints(model_id, kind)
        modules = parts.load_all(folder, index, {"vae": torch.float32, "default": dtype})
        left_out = {name: value for name, value in checkpoints.LEFT_OUT.items() if name in index}
        return kind.from_pretrained(folder, local_files_only=True, **modules, **left_out)
    except EngineError:
        raise
    except Exception as error:  # foreign files in a foreign library: it may raise anything
        raise checkpoints.faulty(model_id, checkpoints.PIPELINE, parts.because(error)) from error


def _arrange(pipe: Any) -> None:
    """Lay out the convolutions with channels last: a fifth faster so, on a CPU, too."""
    from diffusers import ModelMixin

    for part in pipe.components.values():
        if isinstance(part, ModelMixin):
            part.to(memory_format=torch.channels_last)


def _check_paints(model_id: str, kind: Any) -> None:
    takes = set(inspect.signature(kind.__call__).parameters)
    if "prompt" not in takes or takes & OTHER_TASKS:
        raise EngineError(
            f"{model_id} is a {kind.__name__}, which does not paint from text. "
            "Choose a text-to-image checkpoint."
        )
    if "vae" not in inspect.signature(kind.__init__).parameters:
        raise EngineError(
            f"{model_id} is a {kind.__name__}, which paints without a VAE. "
            "Choose Stable Diffusion, SD 3, Flux or another family that has one."
        )
