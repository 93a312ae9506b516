"""Hashes are of bytes; derived seeds are the same on every machine."""
import hashlib

from engine.core.hashing import derived_seed, file_hash


def test_seeds_are_fixed_for_ever_and_differ_by_part():
    assert derived_seed(0, "counting", 1) == int(hashlib.sha256(b"0/counting/1").hexdigest()[:8], 16)
    assert len({derived_seed(0, "a", i) for i in range(1000)}) == 1000


def test_a_files_hash_is_of_its_bytes(tmp_path):
    (tmp_path / "file").write_bytes(b"red ball")
    assert file_hash(tmp_path / "file") == hashlib.sha256(b"red ball").hexdigest()
