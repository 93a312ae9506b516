"""A plugin is a file."""
import sys
from types import ModuleType

import pytest

from engine.core import plugins
from engine.core.errors import EngineError


@pytest.fixture
def methods(tmp_path, monkeypatch):
    package = tmp_path / "toy_methods"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "_shared.py").touch()
    (package / "ties.py").write_text('"""Trim, elect, merge."""')
    (package / "linear.py").write_text('"""Weighted sum."""')
    monkeypatch.syspath_prepend(tmp_path)
    yield __import__("toy_methods")
    for name in [name for name in sys.modules if name.startswith("toy_methods")]:
        del sys.modules[name]


def test_names_are_the_files_sorted_without_the_private_ones(methods):
    assert plugins.names(methods) == ["linear", "ties"]


def test_load_imports_one(methods):
    found = plugins.load(methods, "ties")
    assert isinstance(found, ModuleType) and found.__doc__ == "Trim, elect, merge."


@pytest.mark.parametrize("name", ["magic", "_shared", "", "../ties"])
def test_an_unknown_name_gets_the_choices(methods, name):
    with pytest.raises(EngineError, match="Choose one of linear, ties"):
        plugins.load(methods, name)
