"""Base families. To add one, add a file; nothing is registered, and no other file changes.

A family is everything that differs between bases: which checkpoints it opens, what of them is
trained, how texts become conditions, how noise is added and what is predicted, which layers a LoRA
may change and what they are called on disk. A file of this folder is a module that provides what
`Family` lists: facts, which need neither weights nor torch (torch is imported inside functions),
and functions of an opened diffusers pipeline, `pipe`. What no family opens is painted by its own
pipeline's call, and cannot be trained or mixed.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from engine.core import plugins
from engine.core.errors import EngineError
from engine.models import weight_files

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from engine.models.conditions import Conditions
    from engine.models.noise_paths import NoisePath
    from engine.models.samplers import Sampler

FIRST = "stable_diffusion"
"""The family of every expert whose recipe names none: there was no other when it was trained."""


class Family(Protocol):
    """What a file of this folder provides."""

    TITLE: str
    """As people call it, such as "Stable Diffusion 3"."""
    PIPELINES: tuple[str, ...]
    """diffusers' pipeline classes whose checkpoints it opens."""
    MODULE: str
    """The network that experts change: an attribute of the pipeline and a folder of the
    checkpoint.
    """
    LORA_PREFIXES: Mapping[str, str]
    """What a layer's path has before it in LoRA files, by layout; a layout that is not there
    cannot hold this family's experts.
    """
    TARGET_PATHS: tuple[str, ...]
    """Paths of all layers that a LoRA can change, where # stands for any number."""
    COMMON_TARGETS: tuple[str, ...]
    """Ends of paths that are worth naming to somebody who has mistyped one."""

    @staticmethod
    def takes(pipe: Any) -> bool:
        """Whether it can do without what a variant of its pipelines would need."""

    @staticmethod
    def has_usual_layers(config: Mapping[str, Any]) -> bool:
        """Whether `TARGET_PATHS` is true of a network with this config."""

    @staticmethod
    def latent_shape(pipe: Any) -> tuple[int, int, int]:
        """(c, h, w) of one picture's latents at the checkpoint's own size."""

    @staticmethod
    def read(pipe: Any, texts: Sequence[str], device: "torch.device") -> "Conditions":
        """What the checkpoint's own text encoders make of texts; encoders build on it."""

    @staticmethod
    def empty(pipe: Any, row: "Conditions") -> "Conditions":
        """What guidance leads away from, and a dropped caption becomes; `row` is the empty text."""

    @staticmethod
    def stored_names(pipe: Any) -> Mapping[str, str | None]:
        """Each condition with the name of its empty row on disk (engine.models.conditions)."""

    @staticmethod
    def noise_path(pipe: Any, device: "torch.device", dtype: "torch.dtype") -> "NoisePath":
        """From pictures to noise, for training."""

    @staticmethod
    def predict(network: Any, noisy: "Tensor", times: "Tensor", text: "Conditions") -> "Tensor":
        """What the network makes of noisy latents (n, c, h, w) at its own times (n,) or ()."""

    @staticmethod
    def samplers(pipe: Any) -> "Mapping[str, Sampler]":
        """By which samplers it is painted, besides the checkpoint's own."""

    @staticmethod
    def step_options(pipe: Any, schedule: Any) -> Mapping[str, Any]:
        """What a scheduler's `set_timesteps` takes besides the number of steps."""


def load(name: str) -> Family:
    """One family by name. Raises EngineError for one that is none."""
    return cast(Family, plugins.load(sys.modules[__name__], name))


@cache
def all_families() -> dict[str, Family]:
    """All families by name."""
    return {name: load(name) for name in plugins.offered(sys.modules[__name__])}


def name_of(family: Family) -> str:
    """The name of its file."""
    return next(name for name, known in all_families().items() if known is family)


def of_pipeline(pipe: Any) -> Family | None:
    """The family of an opened pipeline, if any takes it."""
    family = of_class(type(pipe).__name__)
    return family if family is not None and family.takes(pipe) else None


def of_class(name: Any) -> Family | None:
    """The family of a pipeline's class, if there is one."""
    known = [family for family in all_families().values() if name in family.PIPELINES]
    return known[0] if known else None


def of_folder(folder: Path) -> Family | None:
    """The family of a checkpoint on this machine, by its model_index.json."""
    try:
        index = json.loads((folder / weight_files.INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # told where the checkpoint is opened
        return None
    return of_class(index.get("_class_name")) if isinstance(index, dict) else None


def of_recipe(recipe: Mapping[str, Any]) -> Family:
    """The family of an expert's or a merge's base."""
    base = recipe.get("base") or {}
    return load(str(base.get("family", FIRST)))


def recipe_fields(family: Family) -> dict[str, str]:
    """What recipes say of a base's family: nothing of the first, as before there were others."""
    name = name_of(family)
    return {} if name == FIRST else {"family": name}


def recipe_fields_of(folder: Path) -> dict[str, str]:
    """The same of a checkpoint on this machine."""
    family = of_folder(folder)
    return {} if family is None else recipe_fields(family)


def prefixes(layout: str) -> tuple[str, ...]:
    """What paths of layers begin with in files of a layout, over all families."""
    found = [family.LORA_PREFIXES.get(layout) for family in all_families().values()]
    return tuple(sorted({prefix for prefix in found if prefix is not None}))


def choices() -> str:
    """The families by their titles, for sentences."""
    return " or ".join(family.TITLE for family in all_families().values())


def unknown_pipeline(model_id: str, pipeline: str, verb: str) -> EngineError:
    """The error for a pipeline that no family takes; `verb` is what was to be done with it."""
    return EngineError(
        f"{model_id} is a {pipeline}: it can paint, but not be {verb} here. "
        f"Choose a base of {choices()}."
    )
