"""Safetensors files: written whole or not at all, always with the same bytes, and never anything pickled.

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
from engine.core.recipe import file_hash
from engine.core.store import atomic

if TYPE_CHECKING:
    from torch import Tensor


@contextmanager
def opened(file: Path, framework: str = "pt") -> Iterator[Any]:
    """The open file; with `framework="numpy"` without torch. Raises EngineError when it is not whole, or pickled."""
    pickled = [file.with_suffix(suffix) for suffix in (".bin", ".pt", ".ckpt")]
    if not file.is_file() and not any(other.is_file() for other in pickled):
        raise EngineError(f"{file} is missing. Run the stage that writes it first.")
    if not file.is_file() or _is_pickle(file):
        raise EngineError(f"{file.parent} holds pickled weights, which can run code and are never opened. "
                          "Convert them to safetensors first.")
    try:
        with safe_open(file, framework=framework) as found:
            yield found
    except (SafetensorError, OSError, ValueError) as error:
        raise EngineError(f"{file} is damaged or no safetensors file ({error}). "
                          "Delete it and make it again.") from error


def read(file: Path) -> "tuple[dict[str, Tensor], dict[str, str]]":
    """All tensors and the header's strings. Raises EngineError when the file is not whole."""
    with opened(file) as found:
        return {key: found.get_tensor(key) for key in found.keys()}, found.metadata() or {}  # noqa: SIM118


def write(file: Path, tensors: "Mapping[str, Tensor]", header: Mapping[str, str]) -> None:
    """Write tensors and strings. Raises EngineError when the disk is full."""
    from safetensors.torch import save_file
    with atomic(file) as temporary:
        try:
            save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, temporary,
                      dict(header))
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
    """safetensors writes the header's strings in a random order, which would give equal tensors unequal hashes."""
    with open(file, "r+b") as found:
        size = int.from_bytes(found.read(8), "little")
        header = json.loads(found.read(size))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode().ljust(size)
        assert len(text) == size, f"{len(text)} bytes of header do not fit into {size}"
        found.seek(8)
        found.write(text)


def _is_pickle(file: Path) -> bool:
    """By the first bytes: a bare pickle, or the zip archive of `torch.save`."""
    with open(file, "rb") as found:
        return found.read(2) in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")
