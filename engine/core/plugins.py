"""A plugin is a module: its file name is its name, its docstring is its help.

It has a `Config`, its options, and what its family asks for: a judge has a function `judge` that
takes the Config, a writer one called `writer`. It may have a `check`, which refuses a Config.
What fails in its file is told as that file's error (engine.core.plugin_errors).

It lies in its family's package. One that makes sense in a single world lies in that world's room,
in a folder of the family's name: `engine/<room>/judges` beside `engine/judges`.

A stage's option names a plugin, and the option beside it holds the plugin's own options:

    method: str = option("average", family=methods, options_in="options")

Such a pair is a Slot of the Config, and what stands in it a PluginChoice. A family may have a
function `guarded(choice, made)`: it stands between what a plugin makes and whoever uses that.

A file that does not load stops nobody else's work: it is left out of what is offered, with a
warning that says what is wrong with it, and whoever names it is told the same.
"""

import importlib
import logging
import pkgutil
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import Field, dataclass, field, fields, is_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from engine.core import plugin_errors, provenance
from engine.core.config import build
from engine.core.errors import EngineError
from engine.core.misfits import shortened

ENGINE = Path(__file__).parents[1]
LOG = logging.getLogger(__name__)
_warned: set[str] = set()
"""What was said of files that do not load: a page asks for them many times."""


@dataclass(frozen=True)
class PluginChoice:
    """A plugin of a family and its own options, as a recipe or a form names them.

    Its methods raise EngineError for a plugin that is none and for options that it does not take.
    """

    family: ModuleType
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __hash__(self) -> int:
        """Of the name alone: options may hold lists and tables, which have no hash."""
        return hash((self.family.__name__, self.name))

    @property
    def kind(self) -> str:
        """What one of the family is called: "judge" of engine.judges."""
        return kind_of(self.family)

    @property
    def module(self) -> ModuleType:
        return load(self.family, self.name, with_config=True)

    @property
    def model(self) -> str:
        """The model that it loads, which its option `model` names; "" for one that loads none."""
        return str(getattr(self.config(), "model", ""))

    def config(self) -> Any:
        """The options as the plugin's Config."""
        kind = self._part("Config")
        where = f"options of the {self.kind} {self.name}"
        with self.blaming():
            return build(kind, self.options, where)

    def check(self) -> None:
        """Refuse what the plugin cannot work with, before anything is loaded."""
        config = self.config()
        if refuse := getattr(self.module, "check", None):
            with self.blaming():
                refuse(config)

    def open(self) -> Any:
        """What the plugin makes of its options: a judge, a writer."""
        make, config = self._part(self.kind), self.config()
        with self.blaming():
            made = make(config)
        guard = getattr(self.family, "guarded", None)
        return guard(self, made) if guard else made

    def blaming(self) -> AbstractContextManager[None]:
        """In it, errors are those of the plugin's file."""
        return plugin_errors.blaming(f"{self.kind} {self.name}", self._module_name)

    @property
    def file(self) -> str:
        """The plugin's, as sentences name it."""
        return plugin_errors.path_text(plugin_errors.file_of(self._module_name))

    def identity(self) -> provenance.Identity:
        """Those of its options that decide, and their defaults."""
        return provenance.identity(self.config(), {})

    @property
    def _module_name(self) -> str:
        return getattr(self.module, "__name__", self.name)

    def _part(self, name: str) -> Any:
        """What the plugin's file has to define. Raises EngineError where it does not."""
        part = getattr(self.module, name, None)
        if part is None:
            raise EngineError(
                f"The {self.kind} {self.name} ({self.file}) defines no `{name}`. Mend that file."
            )
        return part


class Slot(NamedTuple):
    """An option that names a plugin, and where the plugin's own options are."""

    option: str
    family: ModuleType
    options_in: str
    """The option that holds them; "" where the family's plugins have none."""

    def offered(self) -> list[str]:
        """The names that may be chosen, as `offered` of the family."""
        return offered(self.family, with_config=bool(self.options_in))

    def faults(self) -> dict[str, str]:
        """What is wrong with those that may not, by name."""
        return faults(self.family, with_config=bool(self.options_in))


def slots(kind: type) -> list[Slot]:
    """Those of a Config, in its order."""
    found = []
    for option in fields(kind):
        if "family" in option.metadata:
            found.append(slot_of(option))
    return found


def slot_of(option: Field[Any]) -> Slot:
    """The slot that a field is which names a family."""
    facts = option.metadata
    return Slot(option.name, facts["family"], facts.get("options_in", ""))


def slot(kind: type, name: str) -> Slot:
    """The slot of a Config that its option `name` is."""
    by_option = {one.option: one for one in slots(kind)}
    return by_option[name]


def choice_of(config: Any, name: str) -> PluginChoice:
    """What stands in the slot `name` of a Config."""
    _, family, options_in = slot(type(config), name)
    options = getattr(config, options_in) if options_in else {}
    return PluginChoice(family, getattr(config, name), options)


def names(package: ModuleType) -> list[str]:
    """Every plugin of the family; modules that start with `_` are private."""
    return sorted(_modules(package))


def offered(package: ModuleType, with_config: bool = False) -> list[str]:
    """Every plugin that loads, as `load` does; of each other one a warning says why not."""
    broken = faults(package, with_config)
    for reason in broken.values():
        if reason not in _warned:
            _warned.add(reason)
            LOG.warning(reason)
    return [name for name in names(package) if name not in broken]


def faults(package: ModuleType, with_config: bool = False) -> dict[str, str]:
    """Why each plugin that does not load does not, by name."""
    found = {}
    for name in names(package):
        if reason := fault(package, name, with_config):
            found[name] = reason
    return found


def fault(package: ModuleType, name: str, with_config: bool = False) -> str:
    """What `load` says against one plugin, or ""."""
    try:
        load(package, name, with_config)
    except EngineError as error:
        return str(error)
    return ""


def load(package: ModuleType, name: str, with_config: bool = False) -> ModuleType:
    """Import one plugin by name; `with_config`, one that has a help and options, for a form.

    Raises EngineError for a name that is none, and for a file that does not load: what it raises
    itself may be anything.
    """
    modules = _modules(package)
    if name not in modules:
        choices = ", ".join(sorted(modules))
        raise EngineError(
            f"There is no {kind_of(package)} called {shortened(name)}. Choose one of {choices}."
        )
    module = modules[name]
    try:
        plugin = importlib.import_module(module)
    except Exception as error:
        raise plugin_errors.unloadable(module, plugin_errors.reason(module, error)) from error
    if with_config and not is_dataclass(getattr(plugin, "Config", None)):
        raise plugin_errors.unloadable(module, "it has no Config, a dataclass of its options")
    if with_config and not plugin.__doc__:
        raise plugin_errors.unloadable(module, "it has no docstring, which is its help")
    return plugin


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
