"""Weights are written whole or not at all, and read by what they are."""
import io
import json
import pickle

import pytest
import torch

from engine.core.errors import EngineError
from engine.models import tensor_files
from tests.full_disk import full_disk


@pytest.mark.parametrize("most_bytes", [0, 4096])
def test_a_full_disk_keeps_what_was_there(tmp_path, most_bytes):
    file = tmp_path / "adapter.safetensors"
    tensor_files.write(file, {"a": torch.ones(2)}, {"step": "1"})
    before = file.read_bytes()
    with full_disk(most_bytes), pytest.raises(EngineError, match="Cannot write .*Free some space"):
        tensor_files.write(file, {"a": torch.ones(10_000)}, {"step": "2"})
    assert file.read_bytes() == before and list(tmp_path.iterdir()) == [file]
    tensor_files.write(file, {"a": torch.ones(10_000)}, {"step": "2"})
    assert tensor_files.read(file)[1] == {"step": "2"}


PK = int.from_bytes(b"PK", "little")
LENGTHS = [first + 65536 * times for first in (0x280, 0x380, 0x480, 0x580, PK) for times in (0, 1, 2)]
"""Of headers whose first two bytes are those of a pickle of protocol 2 to 5, or of a zip archive."""


@pytest.mark.parametrize("framework", ["pt", "numpy"])
@pytest.mark.parametrize("length", LENGTHS)
def test_a_header_of_any_length_is_read(tmp_path, length, framework):
    file = tmp_path / "a.safetensors"
    header = {"__metadata__": {"told": "é"},
              "x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}
    text = json.dumps(header).encode().ljust(length)
    file.write_bytes(length.to_bytes(8, "little") + text + torch.ones(1).numpy().tobytes())
    assert file.read_bytes()[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK")
    with tensor_files.open_file(file, framework) as found:
        assert found.metadata() == {"told": "é"} and float(found.get_tensor("x")[0]) == 1


@pytest.mark.parametrize("length", [640, 896, 1152, 1408, 19280])
def test_so_is_one_that_we_wrote(tmp_path, length):
    """Such as the latents of one picture with a prompt of 190 letters."""
    file, tensors = tmp_path / "a.safetensors", {"latents": torch.ones(1, 4)}
    for letters in range(length - 200, length):
        tensor_files.write(file, tensors, {"prompt": "x" * letters})
        if int.from_bytes(file.read_bytes()[:8], "little") == length:
            break
    assert file.read_bytes()[:8] == length.to_bytes(8, "little")
    back, header = tensor_files.read(file)
    assert torch.equal(back["latents"], tensors["latents"]) and header == {"prompt": "x" * letters}


def archive():
    buffer = io.BytesIO()
    torch.save({"weight": torch.ones(2)}, buffer)
    return buffer.getvalue()


PICKLES = {"torch.save": archive(), **{
    f"protocol {number}": pickle.dumps({"weight": list(range(300))}, number) for number in (2, 3, 4, 5)}}


@pytest.mark.parametrize("kind", PICKLES)
@pytest.mark.parametrize("framework", ["pt", "numpy"])
def test_a_pickle_is_told_and_never_opened(tmp_path, monkeypatch, kind, framework):
    monkeypatch.setattr(pickle, "Unpickler", None)
    monkeypatch.setattr(torch, "load", None)
    file = tmp_path / "a.safetensors"
    file.write_bytes(PICKLES[kind])
    with (pytest.raises(EngineError, match="pickled weights, .*run code.*never"),
          tensor_files.open_file(file, framework)):
        pass


@pytest.mark.parametrize("content", [b"", b"\x80", b"{}", b"\xff" * 64, *[
    length.to_bytes(8, "little") + b" " * length for length in LENGTHS]])
def test_what_is_neither_is_told_to_be_damaged(tmp_path, content):
    file = tmp_path / "a.safetensors"
    file.write_bytes(content)
    with pytest.raises(EngineError, match="damaged or no safetensors file"), tensor_files.open_file(file):
        pass
