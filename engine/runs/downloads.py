"""Copies of an expert's or a merge's files for other programs."""

import hashlib
import tempfile
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from engine.core.store import Store, copy
from engine.models import families
from engine.models.lora.cards import CARD, FILE_NAME

if TYPE_CHECKING:
    from engine.models.lora.expert_files import LoraFile

OWN_LAYOUT = "diffusers"
"""The layout in which runs keep their experts."""


class Downloads(NamedTuple):
    """Copies in a folder that holds nothing else, so that a page may hand them over."""

    weights: dict[str, Path]
    """By layout: those that can hold LoRAs of the run's base, and no other."""
    family: str
    """The base's, by its title."""
    card: Path | None
    """Where there is one."""


def weight_files(run: Store) -> dict[str, Path]:
    """The weights of every merge and expert, by its name; merges first."""
    merges = sorted(run.folder.glob(f"merges/*/{FILE_NAME}"))
    experts = sorted(run.folder.glob(f"experts/*/{FILE_NAME}"))
    return {path.parent.name: path for path in (*merges, *experts)}


def prepare(file: Path) -> Downloads:
    """Copies of one of the `weight_files`: made once, and again when the file changes.

    Raises EngineError for a file that is damaged, and when the disk is full.
    """
    return _prepare(file, file.stat().st_mtime_ns)


@lru_cache(32)
def _prepare(file: Path, changed_at: int) -> Downloads:
    from engine.models.lora import expert_files

    folder = _folder(file, changed_at)
    lora = expert_files.read(file)
    weights = _copy_weights(file, lora, folder)
    family = families.of_recipe(lora.recipe).TITLE
    return Downloads(weights, family, _copy_card(file, folder))


def _copy_weights(file: Path, lora: "LoraFile", folder: Path) -> dict[str, Path]:
    """The file itself in the layout that it is in, and written anew in the others."""
    from engine.models.lora import foreign_files, layouts

    copies = {}
    for layout in layouts.writable_for(lora.recipe):
        if layout == OWN_LAYOUT:
            copies[layout] = folder / layout / file.name
            copy(file, copies[layout])
        else:
            copies[layout] = folder / layout / f"{file.parent.name}.safetensors"
            foreign_files.write(copies[layout], layout, lora.expert, lora.recipe)
    return copies


def _copy_card(file: Path, folder: Path) -> Path | None:
    source = file.parent / CARD
    if not source.is_file():
        return None
    card = folder / f"{file.parent.name}.md"
    copy(source, card)
    return card


def _folder(file: Path, changed_at: int) -> Path:
    """One of its own for each state of each file."""
    key = hashlib.sha256(f"{file} {changed_at}".encode()).hexdigest()
    return Path(_scratch().name) / key[:16]


@cache
def _scratch() -> tempfile.TemporaryDirectory:
    """Gone when the process ends."""
    return tempfile.TemporaryDirectory(prefix="selma-files-")
