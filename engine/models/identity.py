"""Which weights these are: a hash of the tensors, however their files are cut and named. No torch.

A hash that was recorded as it was taken formerly, over bytes of files, is recognised as today's.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from functools import cache
from io import BufferedReader
from pathlib import Path
from typing import Any

from engine.core.errors import EngineError
from engine.models import shipped, weight_files

BUFFER_BYTES = 1 << 20
FORMERLY = shipped.former_hashes()
"""Hashes of files that shipped once and have changed, and what the same weights hash to today."""

_FOLDERS: dict[str, Path] = {}
"""Where the weights lie whose hash this process has taken, to recognise their former hash."""
_RENAMED = (
    (re.compile(r"^text_model\."), ""),  # transformers 5 leaves it away
    # T5's one table, under three names
    (re.compile(r"^(encoder|decoder)\.embed_tokens\.weight$"), "shared.weight"),
    (re.compile(r"(\.attentions\.\d+)\.query\."), r"\1.to_q."),  # diffusers' first names in a VAE
    (re.compile(r"(\.attentions\.\d+)\.key\."), r"\1.to_k."),
    (re.compile(r"(\.attentions\.\d+)\.value\."), r"\1.to_v."),
    (re.compile(r"(\.attentions\.\d+)\.proj_attn\."), r"\1.to_out.0."),
)
_NO_WEIGHT = re.compile(r"(^|\.)position_ids$")
"""0, 1, 2, ...: old versions saved it."""
_WHOLE_FILES = re.compile(r"[^.]+\.safetensors")


def fingerprint(folder: Path) -> str:
    """sha256 over part, name, kind, shape and bytes of a checkpoint's tensors, no safety checker's.

    The same for a file and its shards, for a whole one and a variant of the same numbers, and for
    old names and new.
    Raises EngineError, naming the file, for one that is damaged.
    """
    places = weight_files.parts(folder)
    try:
        lines = {line for part, place in places.items() for line in _lines(part, place)}
    except weight_files.DamagedFile as error:
        why = f"The weights in {folder} are not whole: {error}."
        raise EngineError(f"{why} Fetch or save them again.") from error
    digest = hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()
    _FOLDERS[digest] = folder
    return digest


def former(folder: Path) -> str:
    """The hash that was recorded until 2026: over names and bytes of files."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.safetensors")):
        name = path.relative_to(folder).as_posix()
        if _WHOLE_FILES.fullmatch(path.name) and not name.startswith("safety_checker/"):
            digest.update(name.encode())
            with open(path, "rb") as weights:
                digest.update(hashlib.file_digest(weights, "sha256").digest())
    return digest.hexdigest()


def recognised(recorded: Any, present: Any) -> Any:
    """What was recorded, every hash that means the same weights as its fellow in `present` so.

    Both are hashes, or mappings that hold some, however deep. All else is given back as it is.
    """
    if isinstance(recorded, Mapping) and isinstance(present, Mapping):
        return {name: recognised(value, present.get(name)) for name, value in recorded.items()}
    if not isinstance(recorded, str) or not isinstance(present, str):
        return recorded
    if recorded == present or present not in _FOLDERS:
        return recorded
    is_former = FORMERLY.get(recorded) == present or _former_of(present) == recorded
    return present if is_former else recorded


@cache
def _former_of(present: str) -> str:
    """Once a process: a stage asks for every skill, and large weights take seconds."""
    return former(_FOLDERS[present])


def _lines(part: str, folder: Path) -> Iterator[str]:
    for path in weight_files.find(folder):
        with open(path, "rb") as file:
            for tensor in weight_files.stored_tensors(path, file):
                if not _NO_WEIGHT.search(tensor.name):
                    shape = "x".join(map(str, tensor.shape))
                    what = f"{part}/{_common(tensor.name)} {tensor.dtype} {shape}"
                    yield f"{what} {_sha256(file, tensor)}"


def _common(name: str) -> str:
    """One name for what different versions of the libraries call differently."""
    for pattern, instead in _RENAMED:
        name = pattern.sub(instead, name)
    return name


def _sha256(file: BufferedReader, tensor: weight_files.StoredTensor) -> str:
    """In pieces, since a tensor may be larger than what memory is free."""
    digest, left = hashlib.sha256(), tensor.size_bytes
    buffer = memoryview(bytearray(min(left, BUFFER_BYTES)))
    file.seek(tensor.first)
    while left:
        count = file.readinto(buffer[:left])
        assert count, "the file was measured before"
        digest.update(buffer[:count])
        left -= count
    return digest.hexdigest()
