"""A plugin for tests, found like any other: a file in a folder that its package also looks into."""
import sys
from pathlib import Path
from types import ModuleType

import pytest

from engine.core import plugins


def install(package: ModuleType, name: str, source: str, folder: Path, patch: pytest.MonkeyPatch) -> ModuleType:
    """Write the plugin into a new folder, add that to the package, and load it."""
    (folder / "plugins").mkdir()
    (folder / f"plugins/{name}.py").write_text(source)
    patch.setattr(package, "__path__", [*package.__path__, str(folder / "plugins")])
    patch.delitem(sys.modules, f"{package.__name__}.{name}", raising=False)
    return plugins.load(package, name)
