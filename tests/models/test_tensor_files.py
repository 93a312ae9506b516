"""Weights are written whole or not at all."""
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
    with full_disk(most_bytes), pytest.raises(EngineError, match="Cannot write .*Free some space and start again"):
        tensor_files.write(file, {"a": torch.ones(10_000)}, {"step": "2"})
    assert file.read_bytes() == before and list(tmp_path.iterdir()) == [file]
    tensor_files.write(file, {"a": torch.ones(10_000)}, {"step": "2"})
    assert tensor_files.read(file)[1] == {"step": "2"}
