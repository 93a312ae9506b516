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
from engine.core.edited_pictures import CuratedFolder
from engine.core.errors import EngineError
from engine.core.store import Store
from engine.core.type_checks import checker
from engine.experts import edits
from engine.models import bases, tensor_files
from engine.models.conditions import Conditions, from_stored
from engine.models.diffusion import Painter
from engine.models.identity import recognised

LATENTS = "latents.safetensors"
AGAIN = "Delete {} and paint it again."


@dataclass(frozen=True)
class EncodedPictures:
    """One skill's pictures, a row each, on the painter's device."""

    latents: Tensor
    text: Conditions
    empty: Conditions
    texts: list[str]


def hashes(store: Store, skills: Sequence[str]) -> dict[str, str]:
    """What each skill's expert learns from: sha256 of its latents, and of what people edited.

    Raises EngineError when a skill has none.
    """
    return {skill: _hash(store, skill) for skill in skills}


def curated_folder(store: Store, skill: str) -> CuratedFolder:
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
    found = picture_folder.curated_folder(file.parent, known)
    if not found.pictures:
        raise EngineError(
            f"Nothing is left of the pictures of {skill!r} ({found.summary()}). Put "
            "some back with their lines in metadata.jsonl, or set replace in the "
            "images stage to paint them anew."
        )
    return found


def load(store: Store, skill: str, painter: Painter) -> EncodedPictures:
    """Raises EngineError, naming the remedy, when they are missing or damaged, when they are
    another base's, and when another encoder read their captions.

    What people edited must have been encoded before, by `edits.encode`.
    """
    file, found = _file(store, skill), curated_folder(store, skill)
    tensors, header = tensor_files.read(file)
    _check_base(file, header, painter)
    rows = len(found.pictures) + len(found.missing) - len(found.added)
    _check(file, tensors, rows, painter)
    if found.is_edited:
        tensors = edits.apply(file.parent, tensors, found, painter)
    moved = {name: tensors[name].to(painter.device) for name in _names(painter)}
    text, empty = from_stored(moved, painter.stored_names)
    return EncodedPictures(moved["latents"], text, empty, [one.text for one in found.pictures])


def _names(painter: Painter) -> dict[str, bool]:
    """Every tensor that the base needs; whether it has a row for each picture."""
    names = {"latents": True}
    for name, empty_name in painter.stored_names.items():
        names[name] = True
        if empty_name is not None:
            names[empty_name] = False
    return names


def _hash(store: Store, skill: str) -> str:
    sha256, found = tensor_files.sha256(_file(store, skill)), curated_folder(store, skill)
    if not found.is_edited:
        return sha256
    rows = [[one.row, one.sha256, one.text] for one in found.pictures]
    return hashlib.sha256(json.dumps([sha256, *rows]).encode()).hexdigest()


def _painted_in(file: Path) -> tuple[list[str], dict[str, Any]]:
    """The shard of each row, and what the header says of the painting."""
    with tensor_files.open_file(file) as tensors:
        recipe = json.loads((tensors.metadata() or {}).get("recipe", "{}"))
        names = set(tensors.keys())
        rows = tensors.get_slice("latents").get_shape()[0] if "latents" in names else 0
    shards: list[str] = []
    for key, length in recipe.get("shards", ()):
        shards += [key] * length
    return shards or [""] * rows, recipe


def _file(store: Store, skill: str) -> Path:
    file = store.images(skill) / LATENTS
    if file.is_file():
        return file
    if any(file.parent.glob("*.png")):
        raise EngineError(
            f"The pictures of {skill!r} came without their latents, as small runs are shipped. Run "
            "the images stage once: it paints the same ones again and keeps what training needs."
        )
    others = sorted((store.folder / "images").glob(f"*/{LATENTS}"))
    names = [imagefolder.skill_of(other.parent.name) for other in others]
    known = f"; there are pictures of {', '.join(names)}" if names else ""
    raise EngineError(
        f"There are no painted pictures of {skill!r}{known}. Run the images stage for it first."
    )


def _check_base(file: Path, header: dict[str, str], painter: Painter) -> None:
    """The images stage says whose latents it kept: the student's, if another model painted."""
    recipe = _recipe(file, header)
    base = recipe.get("student's sha256") or recipe.get("model's sha256")
    if base and recognised(base, painter.fingerprint) != painter.fingerprint:
        whose = recipe.get("encode_for") or recipe.get("model")
        raise EngineError(
            f"The latents of {file.parent.name} are {whose}'s and cannot train {painter.model_id}. "
            f"Paint them again with encode_for = {painter.model_id!r}, or train {whose}."
        )
    encoder = bases.encoder_of(recipe)
    if encoder != painter.encoder:
        raise EngineError(
            f"The captions of {file.parent.name} were read by the encoder {encoder!r} and cannot "
            f"train with {painter.encoder!r}. Paint them again with encoder = {painter.encoder!r}, "
            f"or train with encoder = {encoder!r}."
        )


def _recipe(file: Path, header: dict[str, str]) -> dict[str, Any]:
    try:
        return checker(dict)(json.loads(header.get("recipe", "{}")))
    except (ValueError, RecursionError) as error:
        raise EngineError(
            f"{file} was not written by the images stage ({error}). {AGAIN.format(file.parent)}"
        ) from error


def _check(file: Path, tensors: dict[str, Tensor], count: int, painter: Painter) -> None:
    """Raises EngineError for missing tensors, other numbers of rows or shapes, and no numbers."""
    again, names = AGAIN.format(file.parent), _names(painter)
    for name in names:
        if name not in tensors:
            raise EngineError(f"{file} has no {name!r}. {again}")
    lengths = {name: len(tensors[name]) for name, per_picture in names.items() if per_picture}
    if not count or set(lengths.values()) != {count}:
        raise EngineError(
            f"{file} holds {lengths} rows, and painted.jsonl {count} pictures. {again}"
        )
    _check_shapes(file, tensors, painter)
    for name in names:
        if not torch.isfinite(tensors[name]).all():
            raise EngineError(f"{file} holds {name} that are no numbers. {again}")


def _check_shapes(file: Path, tensors: dict[str, Tensor], painter: Painter) -> None:
    """Channels of the latents and dimensions of every condition, as the base has them."""
    channels, _, _ = painter.latent_shape
    ours = {"channels": channels}
    theirs = {"channels": tensors["latents"].shape[1]}
    for name in painter.stored_names:
        ours[f"dimensions of {name}"] = painter.empty[name].shape[-1]
        theirs[f"dimensions of {name}"] = tensors[name].shape[-1]
    for what, expected in ours.items():
        if theirs[what] != expected:
            raise EngineError(
                f"{file} has {theirs[what]} {what}, {painter.model_id} has {expected}. "
                f"{AGAIN.format(file.parent)}"
            )
