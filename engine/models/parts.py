"""The parts of a pipeline, each opened by its own class: no weight is left to chance.

diffusers and transformers open a model that lacks weights with a warning: transformers fills it
with random numbers, diffusers leaves it without any. Here it is refused, by name.
"""

import inspect
import re
from collections.abc import Collection, Mapping
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

from engine.core.stopping import is_out_of_memory
from engine.models import checkpoints, weight_files

LIBRARIES = ("diffusers", "transformers")
AGAIN = "Fetch or save it again"
LORA = (
    "Open it where it was made, call pipe.unload_lora_weights() (after pipe.fuse_lora(), to "
    "keep what the LoRA does), and save it again"
)
SHAPES = "has {} in the shape {}, where its config.json says {}"
OTHER = "Choose a checkpoint without code of its own"
MOST_NAMES = 2
"""How many names of weights a sentence gives."""

_MISSHAPEN = re.compile(
    r"because (\S+) expected shape torch\.Size\((.*?)\), but got torch\.Size\((.*?)\)\."
)
"""How diffusers says it; it would tell the shapes apart only at the cost of a slower opening."""


class Faulty(ValueError):
    """What is wrong with a checkpoint, as the end of a sentence; the remedy stands apart."""

    def __init__(self, why: str, remedy: str = AGAIN) -> None:
        super().__init__(why)
        self.remedy = remedy


def pipeline_class(index: Mapping[str, Any]) -> Any:
    """diffusers' own class that model_index.json names. Raises Faulty for another."""
    import diffusers

    name = index.get("_class_name")
    kind = getattr(diffusers, name, None) if isinstance(name, str) else None
    if not inspect.isclass(kind) or not issubclass(kind, diffusers.DiffusionPipeline):
        raise Faulty(
            f"model_index.json names the pipeline {name!r}, which diffusers does not have",
            f"{AGAIN}, or install the diffusers that wrote it",
        )
    return kind


def load_all(
    folder: Path, index: Mapping[str, Any], dtypes: Mapping[str, torch.dtype]
) -> dict[str, Any]:
    """Every part by name, in the dtype given for it or for "default".

    Raises Faulty for one that is not whole.
    """
    kind = pipeline_class(index)
    loaded = {}
    for name, parameter in inspect.signature(kind.__init__).parameters.items():
        is_needed, entry = parameter.default is parameter.empty, index.get(name)
        if name in ("self", *checkpoints.LEFT_OUT):
            continue
        if not is_needed and not isinstance(entry, list):
            continue
        if entry is None or entry == [None, None]:
            if is_needed and name not in kind._optional_components:
                raise Faulty(f"model_index.json names no {name}")
            continue
        dtype = dtypes.get(name, dtypes["default"])
        loaded[name] = _part(name, folder / name, entry, dtype)
    return loaded


def check(module: nn.Module, report: Mapping[str, Any]) -> None:
    """Raises Faulty where a model lacks weights, or its file held others, as is reported."""
    surplus = [key for key in report["unexpected_keys"] if not _is_of_another(module, key)]
    if any("lora_" in key or ".base_layer." in key for key in surplus):
        raise Faulty("was saved with a LoRA in it, so that its own weights have other names", LORA)
    if missing := sorted(report["missing_keys"]):
        raise Faulty(f"lacks {_listed(missing)}, which would be random numbers")
    if misshapen := sorted(report["mismatched_keys"]):
        name, stored, expected = misshapen[0]
        raise Faulty(SHAPES.format(name, list(stored), list(expected)))
    if surplus:
        raise Faulty(f"holds {_listed(surplus)} more than its config.json says")
    tensors = chain(module.named_parameters(), module.named_buffers())
    if empty := sorted(name for name, tensor in tensors if tensor.is_meta):
        raise Faulty(f"lacks {_listed(empty)}")


def check_weights(folder: Path) -> None:
    """Raises Faulty for a model without safetensors weights."""
    if not any(folder.glob("*.safetensors")):
        raise Faulty("has no safetensors weights; pickled ones (.bin, .ckpt) are never opened")


def because(error: Exception) -> Faulty:
    """What a library raised over a foreign file. Raises it again where memory ran out."""
    if isinstance(error, Faulty):
        return error
    if isinstance(error, MemoryError) or is_out_of_memory(error):
        raise error
    if isinstance(error, weight_files.DamagedFile):
        return Faulty(f"does not open: {error}")
    if "trust_remote_code" in str(error):
        return Faulty("opens only with code of its own, which is never run", OTHER)
    if shapes := _MISSHAPEN.search(str(error)):
        return Faulty(SHAPES.format(*shapes.group(1, 3, 2)))
    return Faulty(f"does not open ({checkpoints.first_line(error)})")


def _part(name: str, place: Path, entry: Any, dtype: torch.dtype) -> Any:
    try:
        kind = module_class(entry)
        if not place.is_dir():
            raise Faulty("is missing: there is no such folder")
        if (place / "adapter_config.json").exists():
            raise Faulty("is a LoRA adapter and no model", LORA)
        weight_files.check(place)
        if issubclass(kind, nn.Module):
            return _module(kind, place, dtype)
        return kind.from_pretrained(place)
    except Exception as error:  # foreign files in a foreign library: it may raise anything
        fault = because(error)
        raise Faulty(f"its {name} {fault}", fault.remedy) from error


def _module(kind: Any, place: Path, dtype: torch.dtype) -> nn.Module:
    from diffusers import ModelMixin

    check_weights(place)
    # transformers then tells the shapes; diffusers tells them in its error
    tolerance = {} if issubclass(kind, ModelMixin) else {"ignore_mismatched_sizes": True}
    module, report = kind.from_pretrained(
        place,
        dtype=dtype,
        use_safetensors=True,
        local_files_only=True,
        output_loading_info=True,
        variant=weight_files.variant(place),
        **tolerance,
    )
    check(module, report)
    return module


def module_class(entry: Any) -> Any:
    """The class of one of LIBRARIES, or of diffusers' pipelines, that model_index.json means."""
    from diffusers import pipelines
    from diffusers.pipelines.pipeline_loading_utils import simple_get_class_obj

    words = entry if isinstance(entry, list) else []
    if [type(word) for word in words] != [str, str]:
        raise Faulty(f"stands in model_index.json as {str(entry)[:60]}, not as library and class")
    library, name = words
    within = getattr(pipelines, library, None)
    is_diffusers = isinstance(within, ModuleType) and within.__name__.startswith(
        f"{pipelines.__name__}."
    )
    if library not in LIBRARIES and not is_diffusers:
        raise Faulty(
            f"is to come from {library!r}; only {' and '.join(LIBRARIES)} are opened, "
            "and never a checkpoint's own code",
            OTHER,
        )
    kind = simple_get_class_obj(library, name)
    if not inspect.isclass(kind) or not hasattr(kind, "from_pretrained"):
        raise Faulty(f"is to be a {name} of {library}, which is nothing that opens")
    return kind


def _is_of_another(module: nn.Module, key: str) -> bool:
    """Whether a weight belongs to a larger model that this one is cut from.

    CLIP's other tower, T5's decoder, a head: transformers' models are such parts, diffusers' not.
    """
    from transformers import PreTrainedModel

    if not isinstance(module, PreTrainedModel):
        return False
    parts = {name.partition(".")[0] for name in module.state_dict()}
    short = key.removeprefix(f"{module.base_model_prefix}.")
    return not {key.partition(".")[0], short.partition(".")[0]} & parts


def _listed(names: Collection[str]) -> str:
    first = ", ".join(sorted(names)[:MOST_NAMES])
    several = "weights" if len(names) > 1 else "weight"
    return f"{len(names)} {several} ({first}{', ...' if len(names) > MOST_NAMES else ''})"
