"""The safetensors files of a checkpoint as its library reads them, tensor by tensor. No torch."""

import json
import re
from dataclasses import dataclass
from io import BufferedReader
from math import prod
from pathlib import Path
from typing import Any

from engine.core.errors import EngineError

INDEX = "model_index.json"
NOT_LOADED = ("safety_checker", "feature_extractor")
"""Parts that a pipeline may bring along and that are never loaded."""
MOST_HEADER_BYTES = 100_000_000
"""As safetensors itself allows."""

_STEMS = ("diffusion_pytorch_model", "model")
"""What diffusers and transformers call the weights of one model."""
_WHOLE = re.compile(r"[^.]+\.safetensors")
"""`model.safetensors` and `model-00001-of-00002.safetensors`, not `model.fp16.safetensors`."""
_VARIANT = re.compile(r"[^.]+\.([a-z0-9_]+)(-\d+-of-\d+)?\.safetensors")
_BITS = {
    "F64": 64,
    "F32": 32,
    "F16": 16,
    "BF16": 16,
    "I64": 64,
    "I32": 32,
    "I16": 16,
    "I8": 8,
    "U64": 64,
    "U32": 32,
    "U16": 16,
    "U8": 8,
    "BOOL": 8,
}
"""The kinds of numbers whose size is checked; newer ones are taken by their offsets."""
_NOT_SO = (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What reading JSON of another shape raises."""


class DamagedFile(ValueError):
    """What is wrong with a file, as the end of a sentence."""


@dataclass(frozen=True)
class StoredTensor:
    """One tensor in a file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    first: int
    """Where its bytes begin, from the start of the file."""
    size_bytes: int


def check(folder: Path) -> None:
    """Raises DamagedFile, in plain words, for configs and weights that no library could open."""
    for config in sorted(folder.glob("*config.json")):
        try:
            content = json.loads(config.read_text(encoding="utf-8"))
        except _NOT_SO as error:
            raise DamagedFile(f"{config.name} cannot be read as JSON ({error})") from error
        if not isinstance(content, dict):
            raise DamagedFile(f"{config.name} holds a {type(content).__name__} and no settings")
    for path in find(folder):
        with open(path, "rb") as file:
            stored_tensors(path, file)


def parts(folder: Path) -> dict[str, Path]:
    """Part -> folder, of all that a pipeline loads; {"": folder} for a single model."""
    if not (folder / INDEX).is_file():
        return {"": folder}
    folders = {}
    for name, kind in read_index(folder).items():
        is_part = isinstance(kind, list) and kind[:1] != [None] and name not in NOT_LOADED
        is_inside = Path(name).name == name
        if is_part and is_inside and (folder / name).is_dir():
            folders[name] = folder / name
    return folders


def read_index(folder: Path) -> dict[str, Any]:
    """model_index.json. Raises EngineError when it is no JSON object."""
    why = f"{folder} does not load as a text-to-image pipeline: its {INDEX}"
    try:
        content = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        fault = f"{why} cannot be read as JSON ({error})."
        raise EngineError(f"{fault} Fetch or save it again.") from error
    if not isinstance(content, dict):
        fault = f"{why} is a {type(content).__name__} and names no parts."
        raise EngineError(f"{fault} Fetch or save it again.")
    return content


def variant(folder: Path) -> str | None:
    """The variant that a part has instead of whole weights, such as "fp16"; or None."""
    variants: list[str] = []
    for file in sorted(folder.glob("*.safetensors")):
        if _is_whole(file):
            return None
        if match := _VARIANT.fullmatch(file.name):
            variants.append(match[1])
    if not variants:
        return None
    return "fp16" if "fp16" in variants else variants[0]


def find(folder: Path) -> list[Path]:
    """The files that hold one part's weights, in order; else all safetensors files at hand.

    Raises DamagedFile for an index of shards that is none.
    """
    kind = variant(folder)
    for stem in _STEMS:
        middle = f".{kind}" if kind else ""
        file = folder / f"{stem}{middle}.safetensors"
        whole = [file] if file.is_file() else []
        shards = _shards(folder / f"{stem}.safetensors.index{middle}.json")
        # diffusers looks for shards first, transformers last
        files = (shards or whole) if stem == _STEMS[0] else (whole or shards)
        if files:
            return files
    near = sorted(folder.glob("*.safetensors"))
    if not kind:
        near = list(filter(_is_whole, near))
    return near or list(filter(_is_whole, sorted(folder.rglob("*.safetensors"))))


def _is_whole(file: Path) -> bool:
    return bool(_WHOLE.fullmatch(file.name))


def stored_tensors(path: Path, file: BufferedReader) -> list[StoredTensor]:
    """The tensors of an open safetensors file by where they lie. Raises DamagedFile for another.

    The format: a length of 8 bytes, so much JSON, then the numbers.
    """
    try:
        length = int.from_bytes(file.read(8), "little")
        if length > MOST_HEADER_BYTES:
            raise ValueError("its header has no end")
        header = json.loads(file.read(length))
        header.pop("__metadata__", None)
        size_bytes = file.seek(0, 2)
        tensors = [_tensor(name, about, 8 + length, size_bytes) for name, about in header.items()]
    except _NOT_SO as error:
        why = str(error) or type(error).__name__
        raise DamagedFile(f"{path.name} is damaged or no safetensors file ({why})") from error
    return sorted(tensors, key=lambda tensor: tensor.first)


def _tensor(name: str, about: Any, start: int, size_bytes: int) -> StoredTensor:
    first, last = about["data_offsets"]
    dtype, shape = about["dtype"], about["shape"]
    if not 0 <= first <= last <= size_bytes - start:
        raise ValueError(f"{name} ends beyond the file")
    size = last - first
    if dtype in _BITS and _BITS[dtype] * prod(shape) != 8 * size:
        raise ValueError(f"{name} has another size than its shape says")
    return StoredTensor(name, dtype, tuple(shape), start + first, size)


def _shards(index: Path) -> list[Path]:
    """The files that an index of shards names and that are there; none where it says nothing."""
    if not index.is_file():
        return []
    try:
        weights = json.loads(index.read_text(encoding="utf-8"))["weight_map"]
        names = set(weights.values())
    except _NOT_SO as error:
        raise DamagedFile(f"{index.name} names no files of weights") from error
    files = []
    for name in names:
        is_inside = isinstance(name, str) and Path(name).name == name
        if is_inside and (index.parent / name).is_file():
            files.append(index.parent / name)
    return sorted(files)
