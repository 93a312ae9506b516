"""One skill's pictures as the base sees them, kept at birth by the images stage."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engine.core import imagefolder, picture_folder
from engine.core.edited_pictures import Curated
from engine.core.errors import EngineError
from engine.core.store import Store
from engine.core.typed import checker
from engine.experts import edits
from engine.models import tensor_files
from engine.models.diffusion import Painter
from engine.models.identity import recognised
from engine.models.sampling import Embeddings

LATENTS = "latents.safetensors"
PLAIN = ("latents", "embeddings", "empty_embedding")
SDXL = (*PLAIN, "pooled", "empty_pooled", "time_ids")


@dataclass(frozen=True)
class Encoded:
    """One skill's pictures, a row each, on the painter's device."""

    latents: Tensor
    text: Embeddings
    empty: Embeddings
    texts: list[str]


def hashes(store: Store, skills: Sequence[str]) -> dict[str, str]:
    """What each skill's expert learns from: sha256 of its latents, and of what people edited.

    Raises EngineError when a skill has none.
    """
    return {skill: _hash(store, skill) for skill in skills}


def curated(store: Store, skill: str) -> Curated:
    """The skill's pictures as people left them. Raises EngineError for a half-finished painting."""
    file = _file(store, skill)
    shards, recipe = _painted_in(file)
    known = picture_folder.originals(file.parent) or picture_folder.begin(
        file.parent, shards, recipe
    )
    if [one.shard for one in known] != shards:
        raise EngineError(
            f"The painting of {skill!r} was stopped while it was put together. Run "
            "the images stage again: it paints nothing twice."
        )
    found = picture_folder.curated(file.parent, known)
    if not found.pictures:
        raise EngineError(
            f"Nothing is left of the pictures of {skill!r} ({found.summary()}). Put "
            "some back with their lines in metadata.jsonl, or set replace in the "
            "images stage to paint them anew."
        )
    return found


def load(store: Store, skill: str, painter: Painter) -> Encoded:
    """Raises EngineError, naming the remedy, when they are missing, damaged or another base's.

    What people edited must have been encoded before, by `edits.encode`.
    """
    file, found = _file(store, skill), curated(store, skill)
    tensors, header = tensor_files.read(file)
    _check_base(file, header, painter)
    names = SDXL if hasattr(painter.pipe, "text_encoder_2") else PLAIN
    _check(file, tensors, names, len(found.pictures) + len(found.gone) - len(found.added), painter)
    if found.is_edited:
        tensors = edits.applied(file.parent, tensors, found, painter)
    own = {name: tensors[name].to(painter.device) for name in names}
    ids = own.get("time_ids")
    text = Embeddings(own["embeddings"], own.get("pooled"), ids)
    empty = Embeddings(
        own["empty_embedding"], own.get("empty_pooled"), None if ids is None else ids[:1]
    )
    return Encoded(own["latents"], text, empty, [one.text for one in found.pictures])


def _hash(store: Store, skill: str) -> str:
    sha256, found = tensor_files.sha256(_file(store, skill)), curated(store, skill)
    if not found.is_edited:
        return sha256
    told = [sha256, *([one.row, one.sha256, one.text] for one in found.pictures)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _painted_in(file: Path) -> tuple[list[str], dict[str, Any]]:
    """The shard of each row, and what the header says of the painting."""
    with tensor_files.opened(file) as found:
        recipe = json.loads((found.metadata() or {}).get("recipe", "{}"))
        has = "latents" in found.keys()  # noqa: SIM118 - a safetensors file is no mapping
        rows = found.get_slice("latents").get_shape()[0] if has else 0
    shards = [key for key, length in recipe.get("shards", ()) for _ in range(length)]
    return shards or [""] * rows, recipe


def _file(store: Store, skill: str) -> Path:
    file = store.images(skill) / LATENTS
    if not file.is_file() and any(file.parent.glob("*.png")):
        raise EngineError(
            f"The pictures of {skill!r} came without their latents, as small runs are shipped. Run "
            "the "
            "images stage once: it paints the same ones again and keeps what training needs."
        )
    if not file.is_file():
        others = sorted((store.folder / "images").glob(f"*/{LATENTS}"))
        names = ", ".join(imagefolder.skill_of(other.parent.name) for other in others)
        known = f"; there are pictures of {names}" if names else ""
        raise EngineError(
            f"There are no painted pictures of {skill!r}{known}. Run the images stage for it first."
        )
    return file


def _check_base(file: Path, header: dict[str, str], painter: Painter) -> None:
    """The images stage says whose latents it kept: the student's, if another model than it painted."""
    recipe = _recipe(file, header)
    base = recipe.get("student's sha256") or recipe.get("model's sha256")
    if base and recognised(base, painter.fingerprint) != painter.fingerprint:
        whose = recipe.get("encode_for") or recipe.get("model")
        raise EngineError(
            f"The latents of {file.parent.name} are {whose}'s and cannot train {painter.model_id}. "
            "Paint "
            f"them again with encode_for = {painter.model_id!r}, or train {whose}."
        )


def _recipe(file: Path, header: dict[str, str]) -> dict[str, Any]:
    try:
        return checker(dict)(json.loads(header.get("recipe", "{}")))
    except (ValueError, RecursionError) as error:
        raise EngineError(
            f"{file} was not written by the images stage ({error}). "
            f"Delete {file.parent} and paint it again."
        ) from error


def _check(
    file: Path, tensors: dict[str, Tensor], names: Sequence[str], count: int, painter: Painter
) -> None:
    again = f"Delete {file.parent} and paint it again."
    if missing := [name for name in names if name not in tensors]:
        raise EngineError(f"{file} has no {missing[0]!r}. {again}")
    lengths = {name: len(tensors[name]) for name in names if not name.startswith("empty_")}
    if not count or set(lengths.values()) != {count}:
        raise EngineError(
            f"{file} holds {lengths} rows, and painted.jsonl {count} pictures. {again}"
        )
    unet = painter.pipe.unet.config
    ours, theirs = (
        (unet.in_channels, unet.cross_attention_dim),
        (tensors["latents"].shape[1], tensors["embeddings"].shape[-1]),
    )
    if ours != theirs:
        raise EngineError(
            f"{file} has {theirs[0]} channels and {theirs[1]} text dimensions, {painter.model_id} "
            "has "
            f"{ours[0]} and {ours[1]}. {again}"
        )
    if broken := [name for name in names if not torch.isfinite(tensors[name]).all()]:
        raise EngineError(f"{file} holds {broken[0]} that are no numbers. {again}")
