"""Write an expert or a merge as one file for other programs: A1111, Forge and ComfyUI, diffusers.

Reads experts/<name>/ or merges/<name>/, writes exports/<name>.safetensors, or where `file` says.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from engine.core import names
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.files import path_of
from engine.core.misfits import shortened
from engine.core.options import option
from engine.core.store import Store
from engine.models.lora import layouts


@dataclass(frozen=True)
class Config:
    name: str = option(help="An expert or a merge of the run")
    file: str = option("", "Where to; empty: exports/<name>.safetensors in the run")
    layout: str = option("kohya", "Who reads it; kohya: A1111, Forge, ComfyUI; diffusers: peft too")


def run(config: Config, store: Store) -> Iterator[Event]:
    """Raises EngineError, naming the remedy, for what is not there and for another kind of file."""
    check(config)
    from engine.models.ensemble import locate
    from engine.models.lora import expert_files, foreign_files

    file = store.folder / "exports" / f"{config.name}.safetensors"
    if config.file:
        file = path_of(config.file)
    lora = expert_files.read(locate(store, config.name))
    recipe = {"name": config.name, **lora.recipe}
    foreign_files.write(file, config.layout, lora.expert, recipe)
    yield Event(f"Wrote {file}.", 1, 1, "done", {"file": str(file)})


def check(config: Config) -> None:
    """Raises EngineError for what cannot be a name or a layout, and for another kind of file."""
    names.check(config.name, "an expert or a merge")
    layouts.check(config.layout)
    if not config.file:
        return
    file = path_of(config.file)
    if file.suffix != ".safetensors":
        raise EngineError(
            f"{shortened(config.file)} is no name for a LoRA. End it in .safetensors."
        )
    names.check_file(file.name, "a file", 2 * names.MOST_CHARACTERS)
    if file.is_dir():
        raise EngineError(f"{shortened(config.file)} is a folder. Name a file in it.")
