"""What transformers 5 writes and only itself can read, as every program of the field reads it."""

import json
from pathlib import Path

from engine.core.store import read_json, write_json, write_text
from engine.models import tensor_files

TEXT_MODEL = "text_model."
"""What the names of CLIP's text encoder begin with; else transformers 4 finds no weights."""
FAST_TOKENIZER = "PreTrainedTokenizerFast"
"""The name that transformers 4 and 5 both know a plain tokenizer by."""


def text_encoder(folder: Path) -> None:
    """Give CLIP's weights the names that they have in every Stable Diffusion."""
    for file in sorted(folder.glob("*.safetensors")):
        tensors, header = tensor_files.read(file)
        renamed = {}
        for name, tensor in tensors.items():
            renamed[TEXT_MODEL + name.removeprefix(TEXT_MODEL)] = tensor
        tensor_files.write(file, renamed, header)


def clip_tokenizer(folder: Path) -> None:
    """Write vocab.json and merges.txt beside tokenizer.json: transformers 4 wants them."""
    model = read_json(folder / "tokenizer.json")["model"]
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    write_text(folder / "vocab.json", json.dumps(model["vocab"], ensure_ascii=False) + "\n")
    write_text(folder / "merges.txt", "\n".join(["#version: 0.2", *merges]) + "\n")


def plain_tokenizer(folder: Path) -> None:
    """Name the tokenizer's class as both versions know it."""
    config = read_json(folder / "tokenizer_config.json")
    write_json(folder / "tokenizer_config.json", config | {"tokenizer_class": FAST_TOKENIZER})
