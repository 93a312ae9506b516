"""How a checkpoint on disk gets damaged, a part and a file at a time."""
import json
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from engine.core.errors import EngineError
from engine.models import diffusion


def only_weights(folder):
    file, = folder.glob("*.safetensors")
    return file


def changed(folder, change):
    """The weights of one part, read, changed and written back."""
    file = only_weights(folder)
    tensors = load_file(file)
    change(tensors)
    save_file(tensors, file, {"format": "pt"})


def refusal(folder, load=diffusion.load):
    with pytest.raises(EngineError) as caught:
        load(str(folder), device="cpu")
    return str(caught.value)


def index(folder, **changes):
    file = folder / "model_index.json"
    told = json.loads(file.read_text())
    kept = {name: value for name, value in (told | changes).items() if value != "gone"}
    file.write_text(json.dumps(kept))


def config(folder, **changes):
    file = next(filter(Path.exists, (folder / "config.json", folder / "scheduler_config.json")))
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def cut(file, size=None):
    content = file.read_bytes()
    file.write_bytes(content[:len(content) // 2 if size is None else size])


def pickled(folder):
    for file in folder.glob("*.safetensors"):
        file.rename(file.with_suffix(".bin"))
