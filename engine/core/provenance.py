"""What decides an artifact, and whether one that is there was made by the same settings.

An identity is written beside what a stage makes, and held against what is asked for when the stage
runs again. It holds every option of the stage's Config that decides, which stands beside the
option's field (engine.core.options), and the hashes of what was read: weights, prompts, pictures.
So an option that somebody adds is in the identity without being listed anywhere, and an artifact
that is older than the option counts as made with its default.
"""

from collections.abc import Collection, Mapping
from dataclasses import Field, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from engine.core import options
from engine.core.errors import EngineError
from engine.core.store import AGAIN, read_object, write_json

LIBRARIES = ("torch", "diffusers", "transformers", "safetensors", "numpy", "pillow", "rapidfuzz")
MOST_SHOWN = 40
"""Characters of a value that a sentence holds."""


class OtherSettings(EngineError):
    """What is there was made by other settings than those that are asked for."""


class Identity(dict[str, Any]):
    """All that decides an artifact, by name.

    `defaults` are what a record stands for that is older than an option. `plugin_defaults` are the
    same for the options of a plugin, where a table of its own holds them, by the table's name.
    """

    def __init__(
        self,
        values: Mapping[str, Any],
        defaults: Mapping[str, Any],
        plugin_defaults: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        self.update(values)
        self.defaults = dict(defaults)
        self.plugin_defaults = dict(plugin_defaults or {})

    def completed(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """A record with the options that it is too old to know."""
        whole = {**self.defaults, **record}
        for table, defaults in self.plugin_defaults.items():
            whole[table] = {**defaults, **(whole.get(table) or {})}
        return whole

    def plus(self, values: Mapping[str, Any]) -> "Identity":
        """The same with more that decides."""
        return Identity({**self, **values}, self.defaults, self.plugin_defaults)

    def omit(self, *names: str) -> "Identity":
        """The same for an artifact that these options do not decide."""
        values = {**self}
        defaults = {**self.defaults}
        for name in names:
            values.pop(name, None)
            defaults.pop(name, None)
        return Identity(values, defaults, self.plugin_defaults)

    def part_of(self, record: Mapping[str, Any]) -> dict[str, Any]:
        """What a record says of these names, where it says more than that."""
        known = {*self, *self.defaults}
        return {name: value for name, value in record.items() if name in known}


def deciding_options(config: Any, without: Collection[str] = ()) -> dict[str, Any]:
    """The options that decide, by name.

    `without` are options that decide nothing beside the others' present values.
    """
    values = {}
    for option in fields(config):
        value = getattr(config, option.name)
        is_kept = _is_recorded(option) and not options.is_silent(option, value)
        if is_kept and option.name not in without:
            values[option.name] = value
    return values


def identity(config: Any, parents: Mapping[str, Any], without: Collection[str] = ()) -> Identity:
    """Of what a Config makes from `parents`: hashes of what is read, and what else decides."""
    whole = Identity({**deciding_options(config, without), **parents}, defaults(type(config)))
    for name in without:
        whole.defaults.pop(name, None)
    return whole


def difference(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """What changed, for people: "guidance 3.5 -> 5.0, steps 20 -> 50"; "" when nothing did.

    A missing option, None and "" are the same; where `new` is an Identity, a missing option is at
    its default.
    """
    if isinstance(new, Identity):
        old, new = new.completed(old), new.completed(new)
    changes = []
    for name in sorted({*old, *new}):
        before, after = old.get(name), new.get(name)
        if _as_json(_none_if_empty(before)) != _as_json(_none_if_empty(after)):
            changes.append(f"{name} {_shown(before)} -> {_shown(after)}")
    return ", ".join(changes)


def is_same(
    made: Mapping[str, Any],
    now: Mapping[str, Any],
    complaint: str,
    remedy: str,
    replace: bool = False,
) -> bool:
    """Whether what is there was made by the settings `now`; it is False only where one may replace.

    Raises OtherSettings: the complaint, what changed, and the remedy.
    """
    changed = difference(made, now)
    if changed and not replace:
        raise OtherSettings(f"{complaint} ({changed}). {remedy}.")
    return not changed


def write(path: Path, recipe: Mapping[str, Any], **more: Any) -> None:
    """Keep an identity, and with which libraries it was worked on."""
    write_json(path, {"recipe": recipe, "versions": versions(), **more})


def read(path: Path, remedy: str = AGAIN) -> dict[str, Any]:
    """An identity that was kept. Raises EngineError for a missing or damaged one."""
    recipe: dict[str, Any] = read_object(path, remedy, recipe=dict)["recipe"]
    return recipe


def versions() -> dict[str, str]:
    """The installed libraries that decide numbers, without importing them."""
    installed = {}
    for name in LIBRARIES:
        try:
            installed[name] = version(name)
        except PackageNotFoundError:
            installed[name] = "not installed"
    return installed


def names(kind: type) -> list[str]:
    """Of the options that decide and are recorded as they are, in the Config's order."""
    return [option.name for option in fields(kind) if _is_recorded(option)]


def free(kind: type) -> set[str]:
    """Options that decide how the work goes, and not what comes out of it."""
    return {option.name for option in fields(kind) if not option.metadata.get("decides", True)}


def growing_options(kind: type) -> set[str]:
    """Options that may name more than before."""
    return {option.name for option in fields(kind) if option.metadata.get("grows")}


def defaults(kind: type) -> dict[str, Any]:
    """What a record stands for that was made before an option existed."""
    every = options.defaults(kind)
    return {name: every[name] for name in names(kind) if name in every}


def _is_recorded(option: Field[Any]) -> bool:
    return option.metadata.get("decides", True) and "recorded" not in option.metadata


def _shown(value: Any) -> str:
    text = "nothing" if _none_if_empty(value) is None else str(value)
    return text if len(text) <= MOST_SHOWN else f"{text[: MOST_SHOWN - 3]}..."


def _as_json(value: Any) -> Any:
    """As it comes back from a file, where a tuple is a list."""
    if isinstance(value, Mapping):
        return {str(name): _as_json(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return list(map(_as_json, value))
    return value


def _none_if_empty(value: Any) -> Any:
    return None if value == "" else value
