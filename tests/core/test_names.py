"""What becomes a folder or a file is called so that every file system takes it."""

import pytest

from engine.core import names
from engine.core.errors import EngineError


@pytest.mark.parametrize(
    "name", ["counting", "my-merge_2", "v1.5+fp16", "Zählen", "x" * 64, "console", "数" * 64]
)
def test_names_that_are_taken(name):
    assert names.check(name, "an expert") == name


@pytest.mark.parametrize(
    "name", ["", "..", "../x", "a/b", "a\\b", ".hidden", "_all", "a b", "a\nb", "a\0b", 5, None]
)
def test_names_that_lead_elsewhere(name):
    with pytest.raises(EngineError, match="name of an expert.*Use letters"):
        names.check(name, "an expert")


@pytest.mark.parametrize("name", ["x" * 65, "x" * 300, "𠀀" * 64])
def test_names_that_are_too_long(name):
    with pytest.raises(EngineError, match="too long.*Use 64 letters at most") as caught:
        names.check(name, "an expert")
    assert len(str(caught.value)) < 150


@pytest.mark.parametrize("name", ["con", "NUL", "aux.txt", "Com1", "x."])
def test_names_that_windows_does_not_take(name):
    with pytest.raises(EngineError, match="Windows"):
        names.check(name, "an expert")


def test_a_files_name_may_hold_spaces():
    assert names.check_file("my own skill", "a skill") == "my own skill"
    for name in ("../x", "a/b", " x", "x ", ".x", ""):
        with pytest.raises(EngineError):
            names.check_file(name, "a skill")
