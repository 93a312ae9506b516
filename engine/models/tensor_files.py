"""Safetensors files: written whole or not at all, always with the same bytes, and never anything
pickled.

Torch is imported by whoever reads or writes tensors; headers can be read without it.
"""

import errno
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open

from engine.core.errors import EngineError
from engine.core.hashing import file_hash
from engine.core.store import atomic

if TYPE_CHECKING:
    from torch import Tensor

BROKEN = (SafetensorError, OSError, ValueError)
"""What safetensors raises for a file that is none, or is cut off."""

PICKLED = (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
LONGEST_HEADER = 100_000_000
"""In bytes; safetensors reads no longer one."""


@contextmanager
def open_file(file: Path, framework: str = "pt") -> Iterator[Any]:
    """The open file; with `framework="numpy"` without torch. Raises EngineError when it is not
    whole, or pickled.
    """
    if not file.is_file():
        raise _missing(file)
    try:
        stored = safe_open(file, framework=framework)
    except BROKEN as error:
        raise _unreadable(file, error) from error
    try:
        with stored:
            yield stored
    except BROKEN as error:
        raise _damaged(file, error) from error


def read(file: Path) -> "tuple[dict[str, Tensor], dict[str, str]]":
    """All tensors and the header's strings. Raises EngineError when the file is not whole."""
    with open_file(file) as stored:
        tensors = {}
        for key in stored.keys():  # noqa: SIM118 - a safetensors file is no mapping
            tensors[key] = stored.get_tensor(key)
        return tensors, stored.metadata() or {}


def write(file: Path, tensors: "Mapping[str, Tensor]", header: Mapping[str, str]) -> None:
    """Write tensors and strings. Raises EngineError when the disk is full."""
    from safetensors.torch import save_file

    whole = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    with atomic(file) as temporary:
        try:
            save_file(whole, temporary, dict(header))
        except SafetensorError as error:  # how it reports a full disk
            raise OSError(errno.EIO, str(error)) from error
        _sort_header(temporary)


def sha256(file: Path) -> str:
    """The hash that recipes name their parents by. Raises EngineError when the file is missing."""
    try:
        return file_hash(file)
    except FileNotFoundError as error:
        raise EngineError(f"{file} is missing. Run the stage that writes it first.") from error


def _sort_header(file: Path) -> None:
    """safetensors writes the header's strings in a random order, which would give equal tensors
    unequal hashes.
    """
    with open(file, "r+b") as stored:
        size = int.from_bytes(stored.read(8), "little")
        header = json.loads(stored.read(size))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode().ljust(size)
        assert len(text) == size, f"{len(text)} bytes of header do not fit into {size}"
        stored.seek(8)
        stored.write(text)


def _missing(file: Path) -> EngineError:
    if any(file.with_suffix(suffix).is_file() for suffix in (".bin", ".pt", ".ckpt")):
        return _pickled(file)
    return EngineError(f"{file} is missing. Run the stage that writes it first.")


def _unreadable(file: Path, error: Exception) -> EngineError:
    """Only now is it looked at for a pickle: the same bytes may be a header's length."""
    if isinstance(error, OSError):
        return EngineError(f"{file} cannot be read ({error}). Allow that, or choose another file.")
    return _pickled(file) if _is_pickle(file) else _damaged(file, error)


def _pickled(file: Path) -> EngineError:
    return EngineError(
        f"{file.parent} holds pickled weights, which can run code and are never "
        "opened. Convert them to safetensors first."
    )


def _damaged(file: Path, error: Exception) -> EngineError:
    return EngineError(
        f"{file} is damaged or no safetensors file ({error}). Delete it and make it again."
    )


def _is_pickle(file: Path) -> bool:
    """By the first bytes: a bare pickle, or the zip archive of `torch.save`.

    A safetensors file that was cut off may begin with the same two bytes, but its length can be.
    """
    with open(file, "rb") as stored:
        first = stored.read(8)
    return first[:2] in PICKLED and int.from_bytes(first, "little") > LONGEST_HEADER
