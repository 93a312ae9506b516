"""Write an expert or a merge as one file in kohya's naming, which A1111, Forge and ComfyUI read.

Reads experts/<name>/ or merges/<name>/, writes exports/<name>.safetensors, or where `file` says.
"""
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.store import Store


@dataclass(frozen=True)
class Config:
    name: str = field(metadata={"help": "An expert or a merge of the run"})
    file: str = field(default="", metadata={"help": "Where to; empty: exports/<name>.safetensors in the run"})


def run(config: Config, store: Store) -> Iterator[Event]:
    """Raises EngineError, naming the remedy, for what is not there and for another kind of file."""
    from engine.models import lora_files, lora_kohya
    from engine.models.ensemble import located
    file = Path(config.file).expanduser() if config.file else store.folder / "exports" / f"{config.name}.safetensors"
    if file.suffix != ".safetensors":
        raise EngineError(f"{file} is no name for a LoRA. End it in .safetensors.")
    read = lora_files.read(located(store, config.name))
    lora_kohya.write(file, read.expert, {"name": config.name, **read.recipe})
    yield Event(f"Wrote {file}.", 1, 1, "done", {"file": str(file)})
