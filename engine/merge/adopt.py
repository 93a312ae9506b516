"""Take in a LoRA that others made, as an expert of the run: diffusers' and peft's files, A1111's
and ComfyUI's.

Reads a .safetensors file, writes experts/<name>/ as if it had been trained here. Nothing is
unpickled, and what does not fit the base is refused with the reason.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engine.core import names
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.files import path_of
from engine.core.misfits import shortened
from engine.core.recipe import difference, versions
from engine.core.store import Store
from engine.models import checkpoints, tensor_files


@dataclass(frozen=True)
class Config:
    file: str = field(metadata={"help": "A .safetensors file that holds a LoRA"})
    name: str = field(metadata={"help": "What the expert is called from now on"})
    model: str = field(
        default="storybook",
        metadata={"help": "The base it belongs to: a name, a folder or a Hub id"},
    )
    revision: str | None = field(default=None, metadata={"help": "Commit or branch of a Hub id"})


def run(config: Config, store: Store) -> Iterator[Event]:
    """Once; the same file under the same name is not taken in again. Raises EngineError, naming the
    remedy.
    """
    check(config)
    from engine.models import empty_denoiser, families
    from engine.models.lora import cards, foreign_files
    from engine.models.lora.layouts import diffusers

    file, folder = path_of(config.file), _folder(config, store)
    source = {"file": file.name, "sha256": tensor_files.sha256(file)}
    if folder.exists():
        made = folder / "recipe.json"
        had = cards.read_recipe(folder) if made.exists() else {}
        if had.get("source") != source:
            raise EngineError(
                f"There is an expert called {config.name!r} already. Choose another name."
            )
        theirs = {name: (had.get("base") or {}).get(name) for name in ("model", "revision")}
        if changed := difference(theirs, {"model": config.model, "revision": config.revision}):
            raise EngineError(
                f"{config.name} was taken in for another base ({changed}). Choose another name."
            )
        yield Event(f"{config.name} is here already.", 1, 1, "done", {"folder": str(folder)})
        return
    base = checkpoints.pipeline_folder(config.model, config.revision)
    foreign = foreign_files.read(file, empty_denoiser.load(base))
    recipe = {
        "kind": "adopted",
        "name": config.name,
        "source": source,
        "versions": versions(),
        "base": {
            "model": config.model,
            "revision": config.revision,
            "sha256": checkpoints.fingerprint(base),
            **families.recipe_fields_of(base),
        },
    }
    diffusers.write(folder, foreign.expert, recipe)
    told = (
        f" The text encoder's part ({foreign.left_out} tensors) is left out."
        if foreign.left_out
        else ""
    )
    told += "".join(f" {note}" for note in foreign.notes)
    ranks = sorted({factors.rank for factors in foreign.expert.values()})
    story = f"A LoRA that others made, taken in from `{file.name}`.{told}"
    cards.write_card(folder, story, recipe, {"layers": len(foreign.expert), "rank": ranks})
    text = (
        f"{config.name}: {len(foreign.expert)} layers of rank {', '.join(map(str, ranks))}.{told}"
    )
    yield Event(text, 1, 1, "done", {"folder": str(folder)})


def check(config: Config) -> None:
    """Raises EngineError for what cannot be a name, a base or a file; nothing is read of it yet."""
    names.check(config.name, "an expert")
    checkpoints.check_base(config.model)
    if not config.file or not path_of(config.file).is_file():
        raise EngineError(
            f"There is no file {shortened(config.file)}. "
            "Name a .safetensors file that holds a LoRA."
        )


def _folder(config: Config, store: Store) -> Path:
    """Raises EngineError for a merge's name."""
    if (store.merge(config.name) / "recipe.json").exists():
        raise EngineError(f"There is a merge called {config.name!r}. Choose another name.")
    return store.expert(config.name)
