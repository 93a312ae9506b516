"""The files of finished shards: a part of its own each, later rows of one latents.safetensors.

A part's header names its pictures as they were painted and the files that people had edited by
then; the header of the joined file names the shards that its rows were made of.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypedDict

from engine.core.edited_pictures import Original
from engine.core.errors import EngineError
from engine.core.type_checks import checker, reader
from engine.models import tensor_files

ONE_ROW = ("empty_embedding", "empty_pooled")
"""Tensors that every shard holds once, the same in all."""
PICTURES, EDITED, RECIPE = "pictures", "kept", "recipe"


class JoinedShards(TypedDict):
    """What joined latents say of the shards they were made of: key and number of rows."""

    shards: list[tuple[str, int]]


def write_part(
    path: Path, tensors: Mapping[str, Any], pictures: Sequence[Original], edited: Sequence[str]
) -> None:
    """A shard's tensors, its pictures as painted, and which of their files people had edited."""
    header = {
        PICTURES: json.dumps(list(map(asdict, pictures)), sort_keys=True),
        EDITED: json.dumps(list(edited), sort_keys=True),
    }
    tensor_files.write(path, tensors, header)


def read_pictures(path: Path) -> list[Original]:
    """A part's pictures as painted. Raises EngineError for a file that is no part."""
    with tensor_files.open_file(path, "numpy") as file:
        pictures = _entry(file, path, PICTURES, list[Any])
    try:
        return list(map(reader(Original), pictures))
    except ValueError as error:
        raise EngineError(
            f"{path} is damaged ({error}). Delete it and run the stage again."
        ) from error


def read_edited(path: Path) -> set[str]:
    """Files of a part that people had edited when it was painted; none in parts of long ago."""
    with tensor_files.open_file(path, "numpy") as file:
        if EDITED not in (file.metadata() or {}):
            return set()
        return set(_entry(file, path, EDITED, list[str]))


def write_joined(
    path: Path,
    tensors: Mapping[str, Any],
    recipe: Mapping[str, Any],
    shards: Sequence[tuple[str, int]],
) -> None:
    """The tensors of all shards, with the recipe and each shard's key and number of rows."""
    header = {**recipe, "shards": shards}
    tensor_files.write(path, tensors, {RECIPE: json.dumps(header, sort_keys=True)})


def read_joined_recipe(path: Path) -> dict[str, Any]:
    """The recipe, with its `shards`. Raises EngineError for a file of another kind."""
    with tensor_files.open_file(path, "numpy") as file:
        recipe: dict[str, Any] = _entry(file, path, RECIPE, JoinedShards)
    return recipe


def read_tensors(path: Path, rows: slice) -> dict[str, Any]:
    """Some rows of every tensor, and the whole of those that all rows share."""
    tensors = {}
    with tensor_files.open_file(path) as file:
        for name in file.keys():  # noqa: SIM118 - a safetensors file is no mapping
            wanted_rows = slice(None) if name in ONE_ROW else rows
            tensors[name] = file.get_slice(name)[wanted_rows]
    return tensors


def concatenated(parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The tensors of several parts, row after row."""
    import torch

    whole = dict(parts[0])
    for name in whole.keys() - set(ONE_ROW):
        whole[name] = torch.cat([part[name] for part in parts])
    return whole


def _entry(file: Any, path: Path, name: str, hint: Any) -> Any:
    """What the header holds under `name`: JSON of that type."""
    try:
        return checker(hint)(json.loads(file.metadata()[name]))
    except (TypeError, KeyError, ValueError, RecursionError) as error:
        raise EngineError(
            f"{path} was not written by this stage. Delete it and run the stage again."
        ) from error
