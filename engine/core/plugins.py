"""A plugin is a module: its file name is its name, its docstring is its help.

It has a `Config`, its options, and what its family asks for: a judge has a function `judge` that
takes the Config, a writer one called `writer`. It may have a `check`, which refuses a Config.

It lies in its family's package. One that makes sense in a single world lies in that world's room,
in a folder of the family's name: `engine/<room>/judges` beside `engine/judges`.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from engine.core.config import build
from engine.core.errors import EngineError
from engine.core.misfits import shortened

ENGINE = Path(__file__).parents[1]


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
    """Every plugin of the family; modules that start with `_` are private."""
    return sorted(_modules(package))


def load(package: ModuleType, name: str) -> ModuleType:
    """Import one plugin by name."""
    modules = _modules(package)
    if name not in modules:
        choices = ", ".join(sorted(modules))
        raise EngineError(
            f"There is no {kind_of(package)} called {shortened(name)}. Choose one of {choices}."
        )
    return importlib.import_module(modules[name])


def _modules(family: ModuleType) -> dict[str, str]:
    """Each plugin's module by the plugin's name; the family's package goes before a room's."""
    modules: dict[str, str] = {}
    for package, folders in _packages(family).items():
        for module in pkgutil.iter_modules(folders):
            if not module.name.startswith("_"):
                modules.setdefault(module.name, f"{package}.{module.name}")
    return modules


def _packages(family: ModuleType) -> dict[str, list[str]]:
    """Folders by package: the family's package, and those of its name that a room has."""
    packages = {family.__name__: list(family.__path__)}
    if not family.__name__.startswith("engine."):
        return packages
    folder_name = family.__name__.rpartition(".")[2]
    for folder in sorted(ENGINE.glob(f"*/{folder_name}")):
        package = f"engine.{folder.parent.name}.{folder_name}"
        packages.setdefault(package, [str(folder)])
    return packages


def kind_of(package: ModuleType) -> str:
    """What one plugin of a package is called: "judge" of engine.judges."""
    return package.__name__.rpartition(".")[2].removesuffix("s")
