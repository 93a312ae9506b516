"""A plugin is a module: its file name is its name, its docstring is its help.

It has a `Config`, its options, and what its family asks for: a judge has a function `judge` that
takes the Config, a writer one called `writer`. It may have a `check`, which refuses a Config.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from engine.core.config import build
from engine.core.errors import EngineError
from engine.core.misfits import shortened


@dataclass(frozen=True)
class PluginChoice:
    """A plugin of a family and its own options, as a recipe or a form names them.

    Its methods raise EngineError for a plugin that is none and for options that it does not take.
    """

    family: ModuleType
    name: str
    options: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """What one of the family is called: "judge" of engine.judges."""
        return kind_of(self.family)

    @property
    def module(self) -> ModuleType:
        return load(self.family, self.name)

    def config(self) -> Any:
        """The options as the plugin's Config."""
        where = f"options of the {self.kind} {self.name}"
        return build(self.module.Config, self.options, where)

    def check(self) -> None:
        """Refuse what the plugin cannot work with, before anything is loaded."""
        config = self.config()
        if refuse := getattr(self.module, "check", None):
            refuse(config)

    def open(self) -> Any:
        """What the plugin makes of its options: a judge, a writer."""
        make = getattr(self.module, self.kind)
        return make(self.config())


def names(package: ModuleType) -> list[str]:
    """Every plugin in the package; modules that start with `_` are private."""
    modules = [module.name for module in pkgutil.iter_modules(package.__path__)]
    return sorted(name for name in modules if not name.startswith("_"))


def load(package: ModuleType, name: str) -> ModuleType:
    """Import one plugin by name."""
    if name not in names(package):
        choices = ", ".join(names(package))
        raise EngineError(
            f"There is no {kind_of(package)} called {shortened(name)}. Choose one of {choices}."
        )
    return importlib.import_module(f"{package.__name__}.{name}")


def kind_of(package: ModuleType) -> str:
    """What one plugin of a package is called: "judge" of engine.judges."""
    return package.__name__.rpartition(".")[2].removesuffix("s")
