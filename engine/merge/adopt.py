"""Take in a LoRA that others made, as an expert of the run: diffusers' and peft's files, A1111's
and ComfyUI's.

Reads a .safetensors file, writes experts/<name>/ as if it had been trained here. Nothing is
unpickled, and what does not fit the base is refused with the reason.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.core import names, provenance
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.files import path_of
from engine.core.misfits import shortened
from engine.core.options import option
from engine.core.provenance import versions
from engine.core.store import Store
from engine.models import bases, checkpoints, tensor_files
from engine.models.bases import Base
from engine.models.lora import cards
from engine.option_groups import BaseModel

if TYPE_CHECKING:
    from engine.models.lora.foreign_files import Foreign


@dataclass(frozen=True)
class Config(BaseModel):
    file: str = option(help="A .safetensors file that holds a LoRA")
    name: str = option(help="What the expert is called from now on")


def run(config: Config, store: Store) -> Iterator[Event]:
    """Once; the same file under the same name is not taken in again. Raises EngineError, naming the
    remedy.
    """
    check(config)
    from engine.models import empty_denoiser, families
    from engine.models.lora import expert_files, foreign_files

    file = path_of(config.file)
    folder = _folder(config, store)
    source = {"file": file.name, "sha256": tensor_files.sha256(file)}
    if folder.exists():
        _check_same(config, folder, source)
        text = f"{config.name} is here already."
        yield Event(text, 1, 1, "done", {"folder": str(folder)})
        return
    base = checkpoints.pipeline_folder(config.model, config.revision)
    lora = foreign_files.read(file, empty_denoiser.load(base))
    recipe = _recipe(config, source, checkpoints.fingerprint(base))
    recipe["base"] |= families.recipe_fields_of(base)
    expert_files.write(folder, lora.expert, recipe)
    ranks = sorted({factors.rank for factors in lora.expert.values()})
    layers = len(lora.expert)
    remarks = _remarks(lora)
    story = f"A LoRA that others made, taken in from `{file.name}`.{remarks}"
    cards.write_card(folder, story, recipe, {"layers": layers, "rank": ranks})
    text = f"{config.name}: {layers} layers of rank {', '.join(map(str, ranks))}.{remarks}"
    yield Event(text, 1, 1, "done", {"folder": str(folder)})


def check(config: Config) -> None:
    """Raises EngineError for what cannot be a name, a base or a file; nothing is read of it yet."""
    names.check(config.name, "an expert")
    config.check_base()
    if not config.file or not path_of(config.file).is_file():
        raise EngineError(
            f"There is no file {shortened(config.file)}. "
            "Name a .safetensors file that holds a LoRA."
        )


def _folder(config: Config, store: Store) -> Path:
    """Raises EngineError for a merge's name."""
    if (store.merge(config.name) / cards.RECIPE).exists():
        raise EngineError(f"There is a merge called {config.name!r}. Choose another name.")
    return store.expert(config.name)


def _check_same(config: Config, folder: Path, source: Mapping[str, str]) -> None:
    """Raises EngineError where the expert in `folder` is of another file or base."""
    recipe = {}
    if (folder / cards.RECIPE).exists():
        recipe = cards.read_recipe(folder)
    if recipe.get("source") != source:
        raise EngineError(
            f"There is an expert called {config.name!r} already. Choose another name."
        )
    base = recipe.get("base") or {}
    there = Base(base.get("model", ""), base.get("revision"), bases.encoder_of(base))._asdict()
    here = config.base._asdict()
    complaint = f"{config.name} was taken in for another base"
    provenance.is_same(there, here, complaint, "Choose another name")


def _recipe(config: Config, source: Mapping[str, str], base_sha256: str) -> dict[str, Any]:
    return {
        "kind": "adopted",
        "name": config.name,
        "source": dict(source),
        "versions": versions(),
        "base": bases.record_of(config.base, base_sha256),
    }


def _remarks(lora: "Foreign") -> str:
    """What the user should know of the file, in sentences that follow another."""
    remarks = ""
    if lora.left_out:
        remarks = f" The text encoder's part ({lora.left_out} tensors) is left out."
    for note in lora.notes:
        remarks += f" {note}"
    return remarks
