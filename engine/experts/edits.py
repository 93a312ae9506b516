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
from engine.core.edited_pictures import Curated, Current
from engine.core.events import Event
from engine.models import tensor_files
from engine.models.autoencoder import to_pixels
from engine.models.diffusion import Painter

FOLDER = "edited"
AT_ONCE = 16
"""Pictures or captions of a file."""
BY_PICTURE = ("latents",)
REMEDY = "Replace it, or take it out and start again"


def encode(folder: Path, found: Curated, painter: Painter) -> Iterator[Event]:
    """Encode what of the edited pictures and captions is not on disk yet, a few at a time.

    Raises EngineError for a picture that does not open.
    """
    have = _known(folder, painter)
    pictures = {
        one.sha256: one for one in found.pictures if one.repainted and one.sha256 not in have
    }
    texts = list(
        dict.fromkeys(
            one.text for one in found.pictures if one.recaptioned and _key(one.text) not in have
        )
    )
    for start in range(0, len(pictures), AT_ONCE):
        part = dict(list(pictures.items())[start : start + AT_ONCE])
        _write(folder, painter, list(part), {"latents": _latents(list(part.values()), painter)})
        yield Event(f"Encoded {start + len(part)} of {len(pictures)} edited pictures.")
    for start in range(0, len(texts), AT_ONCE):
        some = texts[start : start + AT_ONCE]
        text = painter.embed(some)
        _write(folder, painter, [_key(one) for one in some], text.tensors)
        yield Event(f"Encoded {start + len(some)} of {len(texts)} edited captions.")


def applied(
    folder: Path, tensors: Mapping[str, Tensor], found: Curated, painter: Painter
) -> dict[str, Tensor]:
    """A row for each picture as it is now: as it was painted, or as it was encoded anew."""
    edited, result = _known(folder, painter), dict(tensors)
    pictures = [one.sha256 if one.repainted else "" for one in found.pictures]
    texts = [_key(one.text) if one.recaptioned else "" for one in found.pictures]
    keys = {**dict.fromkeys(BY_PICTURE, pictures), **dict.fromkeys(painter.stored_names, texts)}
    for name in (name for name in keys if name in tensors):
        rows = [
            edited[key][name] if key else tensors[name][one.row]
            for one, key in zip(found.pictures, keys[name], strict=True)
        ]
        result[name] = torch.stack([row.to(tensors[name].dtype) for row in rows])
    return result


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
            found[key] = {name: tensor[row] for name, tensor in tensors.items()}
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
