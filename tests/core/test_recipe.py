"""Recipes say what changed; derived seeds are the same on every machine."""
import hashlib

from engine.core.recipe import derived_seed, difference, file_hash, versions


def test_what_changed_is_named():
    assert difference({"a": 1, "b": "x"}, {"a": 1, "b": "x"}) == ""
    assert difference({"a": 1, "b": ""}, {"a": 2.5, "c": "y" * 99}) == f"a 1 -> 2.5, c nothing -> {'y' * 37}..."


def test_seeds_are_fixed_for_ever_and_differ_by_part():
    assert derived_seed(0, "counting", 1) == int(hashlib.sha256(b"0/counting/1").hexdigest()[:8], 16)
    assert len({derived_seed(0, "a", i) for i in range(1000)}) == 1000


def test_versions_and_hashes(tmp_path):
    (tmp_path / "file").write_bytes(b"red ball")
    assert file_hash(tmp_path / "file") == hashlib.sha256(b"red ball").hexdigest()
    assert versions()["torch"][0].isdigit()
