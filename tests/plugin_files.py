"""A plugin for tests, found like any other: a file in a folder that its package also looks into."""
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from engine.core import plugins

ROOT = Path(__file__).parent.parent


def install(package: ModuleType, name: str, source: str, folder: Path, patch: pytest.MonkeyPatch) -> ModuleType:
    """Write the plugin into a new folder, add that to the package, and load it."""
    write(package, name, source, folder, patch)
    return plugins.load(package, name)


def write(package: ModuleType, name: str, source: str, folder: Path, patch: pytest.MonkeyPatch) -> None:
    """The same of one that need not load."""
    (folder / "plugins").mkdir()
    (folder / f"plugins/{name}.py").write_text(source)
    patch.setattr(package, "__path__", [*package.__path__, str(folder / "plugins")])
    patch.delitem(sys.modules, f"{package.__name__}.{name}", raising=False)


def in_guide(guide: str, file: str) -> str:
    """The source that a guide shows for a plugin's file, which it names before."""
    text = (ROOT / guide).read_text(encoding="utf-8")
    shown = re.search(r"```python\n(.*?)```", text.split(f"`{file}`", 1)[1], re.DOTALL)
    assert shown
    return shown[1]
