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


class Damaged(ValueError):
    """What is wrong with a file, as the end of a sentence."""


@dataclass(frozen=True)
class Stored:
    """One tensor in a file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    first: int
    """Where its bytes begin, from the start of the file."""
    size_bytes: int


def check(folder: Path) -> None:
    """Raises Damaged, in plain words, for configs and weights that no library could open."""
    for config in sorted(folder.glob("*config.json")):
        try:
            found = json.loads(config.read_text(encoding="utf-8"))
        except _NOT_SO as error:
            raise Damaged(f"{config.name} cannot be read as JSON ({error})") from error
        if not isinstance(found, dict):
            raise Damaged(f"{config.name} holds a {type(found).__name__} and no settings")
    for path in of(folder):
        with open(path, "rb") as file:
            stored(path, file)


def parts(folder: Path) -> dict[str, Path]:
    """Part -> folder, of all that a pipeline loads; {"": folder} for a single model."""
    if not (folder / INDEX).is_file():
        return {"": folder}
    named = read_index(folder)
    return {
        name: folder / name
        for name, kind in named.items()
        if isinstance(kind, list)
        and kind[:1] != [None]
        and name not in NOT_LOADED
        and Path(name).name == name
        and (folder / name).is_dir()
    }


def read_index(folder: Path) -> dict[str, Any]:
    """model_index.json. Raises EngineError when it is no JSON object."""
    why = f"{folder} does not load as a text-to-image pipeline: its {INDEX}"
    try:
        found = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        told = f"{why} cannot be read as JSON ({error})."
        raise EngineError(f"{told} Fetch or save it again.") from error
    if not isinstance(found, dict):
        told = f"{why} is a {type(found).__name__} and names no parts."
        raise EngineError(f"{told} Fetch or save it again.")
    return found


def variant(folder: Path) -> str | None:
    """The variant that a part has instead of whole weights, such as "fp16"; or None."""
    names = sorted(file.name for file in folder.glob("*.safetensors"))
    if any(_WHOLE.fullmatch(name) for name in names):
        return None
    found = [match[1] for name in names if (match := _VARIANT.fullmatch(name))]
    return "fp16" if "fp16" in found else next(iter(found), None)


def of(folder: Path) -> list[Path]:
    """The files that hold one part's weights, in order; else all safetensors files at hand.

    Raises Damaged for an index of shards that is none.
    """
    kind = variant(folder)
    for stem in _STEMS:
        middle = f".{kind}" if kind else ""
        whole = folder / f"{stem}{middle}.safetensors"
        index = folder / f"{stem}.safetensors.index{middle}.json"
        found = [[whole] if whole.is_file() else [], _shards(index)]
        if stem == _STEMS[0]:  # diffusers looks for shards first, transformers last
            found.reverse()
        if files := next(filter(None, found), None):
            return files
    near = sorted(file for file in folder.glob("*.safetensors") if kind or _is_whole(file))
    return near or sorted(file for file in folder.rglob("*.safetensors") if _is_whole(file))


def _is_whole(file: Path) -> bool:
    return bool(_WHOLE.fullmatch(file.name))


def stored(path: Path, file: BufferedReader) -> list[Stored]:
    """The tensors of an open safetensors file by where they lie. Raises Damaged for another.

    The format: a length of 8 bytes, so much JSON, then the numbers.
    """
    try:
        length = int.from_bytes(file.read(8), "little")
        if length > MOST_HEADER_BYTES:
            raise ValueError("its header has no end")
        header = json.loads(file.read(length))
        size_bytes = file.seek(0, 2)
        found = [
            _tensor(name, about, 8 + length, size_bytes)
            for name, about in header.items()
            if name != "__metadata__"
        ]
    except _NOT_SO as error:
        why = str(error) or type(error).__name__
        raise Damaged(f"{path.name} is damaged or no safetensors file ({why})") from error
    return sorted(found, key=lambda tensor: tensor.first)


def _tensor(name: str, about: Any, start: int, size_bytes: int) -> Stored:
    first, last = about["data_offsets"]
    if not 0 <= first <= last <= size_bytes - start:
        raise ValueError(f"{name} ends beyond the file")
    expected_bits = _BITS.get(about["dtype"], 0) * prod(about["shape"])
    if about["dtype"] in _BITS and expected_bits != 8 * (last - first):
        raise ValueError(f"{name} has another size than its shape says")
    return Stored(name, about["dtype"], tuple(about["shape"]), start + first, last - first)


def _shards(index: Path) -> list[Path]:
    """The files that an index of shards names and that are there; none where it says nothing."""
    if not index.is_file():
        return []
    try:
        named = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except _NOT_SO as error:
        raise Damaged(f"{index.name} names no files of weights") from error
    names = sorted(name for name in named if isinstance(name, str) and Path(name).name == name)
    return [index.parent / name for name in names if (index.parent / name).is_file()]
