"""What people edited in a skill's folder, as the base sees it: each picture and caption once.

    images/<skill>/edited/<base>-<content>.safetensors      a few of them, named in the header

A file is written whole after every few, so that an end in the middle loses a few at most.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from engine.core import picture_files
from engine.core.edited_pictures import CuratedFolder, Current
from engine.core.events import Event
from engine.models import tensor_files
from engine.models.autoencoder import to_pixels
from engine.models.diffusion import Painter

FOLDER = "edited"
AT_ONCE = 16
"""Pictures or captions of a file."""
BY_PICTURE = ("latents",)
REMEDY = "Replace it, or take it out and start again"


def encode(folder: Path, found: CuratedFolder, painter: Painter) -> Iterator[Event]:
    """Encode what of the edited pictures and captions is not on disk yet, a few at a time.

    Raises EngineError for a picture that does not open.
    """
    known = _known(folder, painter)
    pictures, texts = {}, {}
    for one in found.pictures:
        if one.repainted and one.sha256 not in known:
            pictures[one.sha256] = one
        if one.recaptioned and _key(one.text) not in known:
            texts[_key(one.text)] = one.text
    done = 0
    for keys in _batched(list(pictures)):
        latents = _latents([pictures[key] for key in keys], painter)
        _write(folder, painter, keys, {"latents": latents})
        done += len(keys)
        yield Event(f"Encoded {done} of {len(pictures)} edited pictures.")
    done = 0
    for keys in _batched(list(texts)):
        conditions = painter.embed([texts[key] for key in keys])
        _write(folder, painter, keys, conditions.tensors)
        done += len(keys)
        yield Event(f"Encoded {done} of {len(texts)} edited captions.")


def _batched(keys: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(keys), AT_ONCE):
        yield keys[start : start + AT_ONCE]


def apply(
    folder: Path, tensors: Mapping[str, Tensor], found: CuratedFolder, painter: Painter
) -> dict[str, Tensor]:
    """A row for each picture as it is now: as it was painted, or as it was encoded anew."""
    edited = _known(folder, painter)
    result = dict(tensors)
    for name in (*BY_PICTURE, *painter.stored_names):
        if name not in tensors:
            continue
        rows = []
        for one in found.pictures:
            key = _key_of(one, name)
            row = edited[key][name] if key else tensors[name][one.row]
            rows.append(row.to(tensors[name].dtype))
        result[name] = torch.stack(rows)
    return result


def _key_of(one: Current, name: str) -> str:
    """Under which the tensor of a picture or caption was encoded anew, or ""."""
    if name in BY_PICTURE:
        return one.sha256 if one.repainted else ""
    return _key(one.text) if one.recaptioned else ""


def _key(text: str) -> str:
    return f"text {hashlib.sha256(text.encode()).hexdigest()}"


def _latents(pictures: Sequence[Current], painter: Painter) -> Tensor:
    images = [picture_files.read(one.file, REMEDY) for one in pictures]
    return painter.encode(to_pixels(images, painter.size_pixels)).cpu()


def _known(folder: Path, painter: Painter) -> dict[str, dict[str, Tensor]]:
    """Everything encoded by this base so far, by the picture's hash or the caption's key."""
    found: dict[str, dict[str, Tensor]] = {}
    for file in sorted((folder / FOLDER).glob(f"{_base(painter)}-*.safetensors")):
        tensors, header = tensor_files.read(file)
        for row, key in enumerate(json.loads(header["keys"])):
            found[key] = {}
            for name, tensor in tensors.items():
                found[key][name] = tensor[row]
    return found


def _write(
    folder: Path, painter: Painter, keys: Sequence[str], tensors: Mapping[str, Tensor]
) -> None:
    told = json.dumps(list(keys))
    name = f"{_base(painter)}-{hashlib.sha256(told.encode()).hexdigest()[:16]}.safetensors"
    tensor_files.write(folder / FOLDER / name, tensors, {"keys": told})


def _base(painter: Painter) -> str:
    """Base and precision: another one sees the same caption otherwise."""
    told = f"{painter.text_identity} {painter.dtype}"
    return hashlib.sha256(told.encode()).hexdigest()[:12]
