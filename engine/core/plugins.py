"""A plugin is a module: its file name is its name, its docstring is its help."""

import importlib
import pkgutil
from types import ModuleType

from engine.core.errors import EngineError
from engine.core.misfits import shortened


def names(package: ModuleType) -> list[str]:
    """Every plugin in the package; modules that start with `_` are private."""
    return sorted(
        m.name for m in pkgutil.iter_modules(package.__path__) if not m.name.startswith("_")
    )


def load(package: ModuleType, name: str) -> ModuleType:
    """Import one plugin by name."""
    if name not in names(package):
        choices = ", ".join(names(package))
        kind = package.__name__.rpartition(".")[2].removesuffix("s")
        raise EngineError(f"There is no {kind} called {shortened(name)}. Choose one of {choices}.")
    return importlib.import_module(f"{package.__name__}.{name}")
