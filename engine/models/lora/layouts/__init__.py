"""File formats of LoRAs. To add one, add a file with `LABEL`, `KEYS`, `recognises`, `read` and, if
it can be written, `write`, as `Layout` and `WritableLayout` have them.

Whoever reads a file asks each layout whether the keys are its own. No torch before one is loaded.
"""

import sys
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeGuard, cast

from engine.core import plugins
from engine.core.errors import EngineError
from engine.core.misfits import shortened
from engine.models import families

if TYPE_CHECKING:
    from torch import Tensor, nn

    from engine.models.lora.factors import Expert


class RawFile(NamedTuple):
    """A safetensors file of which nothing is understood yet."""

    path: Path
    tensors: "dict[str, Tensor]"
    """Of the denoiser, by the file's own keys."""
    header: dict[str, str]


class Reading(NamedTuple):
    """A LoRA as a layout understands it."""

    expert: "Expert"
    alphas: tuple[float, ...] = ()
    """Those that count, where they stand elsewhere than in the header."""
    alphas_place: str = ""
    """Where that is."""


class Contents(NamedTuple):
    """What a safetensors file is to hold."""

    tensors: "dict[str, Tensor]"
    header: dict[str, str]


class Layout(Protocol):
    """One file of this folder."""

    LABEL: str
    """Whose files these are."""
    KEYS: str
    """What the keys look like."""

    def recognises(self, keys: Collection[str]) -> bool:
        """Whether a file with these keys, the text encoder's left out, is of this layout."""

    def read(self, file: RawFile, model: "nn.Module") -> Reading:
        """Factors by the module paths of `model`.

        Raises EngineError, naming the reason, for what is no plain LoRA.
        """


class WritableLayout(Layout, Protocol):
    """One that other programs are served with."""

    def write(self, expert: "Expert", recipe: Mapping[str, Any]) -> Contents:
        """A file with the expert, and in its header its recipe, which names the base.

        Raises EngineError for an expert, or a base, that the layout cannot hold.
        """


def names() -> list[str]:
    return plugins.names(sys.modules[__name__])


def check(name: str) -> None:
    """Raises EngineError for a name that no layout has; nothing is loaded."""
    if name not in names():
        choices = ", ".join(names())
        raise EngineError(f"There is no layout called {shortened(name)}. Choose one of {choices}.")


def load(name: str) -> Layout:
    """Raises EngineError as `check` does."""
    return cast(Layout, plugins.load(sys.modules[__name__], name))


def load_writable(name: str) -> WritableLayout:
    """Raises EngineError for a layout that is only read."""
    layout = load(name)
    if not is_writable(layout):
        choices = ", ".join(other for other in names() if is_writable(load(other)))
        raise EngineError(f"The layout {name} is read, not written. Choose one of {choices}.")
    return layout


def is_writable(layout: Layout) -> TypeGuard[WritableLayout]:
    return hasattr(layout, "write")


def writable_for(recipe: Mapping[str, Any]) -> list[str]:
    """The layouts in which an expert of the base that `recipe` names can be written."""
    family = families.of_recipe(recipe)
    return [name for name in family.LORA_PREFIXES if is_writable(load(name))]


def recognise(keys: Collection[str]) -> Layout | None:
    """The layout of a file with these keys; None where it is of none."""
    for name in names():
        layout = load(name)
        if layout.recognises(keys):
            return layout
    return None
