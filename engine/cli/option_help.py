"""What `python -m engine <stage> --help` says of the stage's options, and of its plugins' own."""

import argparse
import json
import textwrap
from collections.abc import Callable, Iterator, Mapping
from dataclasses import Field, fields
from types import ModuleType
from typing import Any, Literal, get_args, get_origin, get_type_hints

from engine.core import options, plugins
from engine.core.plugins import Slot

WIDTH = 100
HEADING = "the stage's options, which decide the result where their lines do not say otherwise:"
NO_OPTIONS = "  It has no options."
Path = tuple[str, ...]
"""Options, each a table in which the next one stands."""


class Help(argparse.Action):
    """--help that reads the options only when it is asked for, since importing them takes time."""

    def __init__(self, config_kind: Callable[[], type], **more: Any) -> None:
        super().__init__(nargs=0, **more)
        self.config_kind = config_kind

    def __call__(self, parser: argparse.ArgumentParser, *parsed: Any) -> None:
        parser.epilog = of_stage(self.config_kind())
        parser.print_help()
        parser.exit()


def of_stage(kind: type) -> str:
    """All that can be set of a stage whose Config is `kind`."""
    return "\n\n".join([f"{HEADING}\n{describe(kind)}", *_plugins_of(kind, ())])


def describe(kind: type) -> str:
    """A Config's options: help, range, default, and which of them decide no result, and why."""
    hints = get_type_hints(kind)
    width = max((len(option.name) for option in fields(kind)), default=0)
    text = ""
    for option in fields(kind):
        name = f"  {option.name:<{width}}  "
        facts = "; ".join(_facts(option, hints[option.name], options.defaults(kind)))
        text += textwrap.fill(facts, WIDTH, initial_indent=name, subsequent_indent=" " * len(name))
        text += "\n"
    return text.rstrip("\n") or NO_OPTIONS


def _facts(option: Field[Any], hint: Any, defaults: Mapping[str, Any]) -> Iterator[str]:
    facts = option.metadata
    if "help" in facts:
        yield facts["help"]
    if "range" in facts:
        yield " to ".join(map(_number, facts["range"]))
    if names := _names(option, hint):
        yield f"one of {', '.join(names)}"
    if option.name in defaults:
        yield f"default {_as_toml(defaults[option.name])}"
    else:
        yield "must be given"
    if facts.get("grows"):
        yield "may name more later"
    if not facts.get("decides", True):
        yield f"does not decide the result: {facts['why']}"


def _names(option: Field[Any], hint: Any) -> list[str]:
    """All that may be written for an option, where that is a closed list."""
    if "family" in option.metadata:
        return plugins.slot_of(option).offered()
    return list(map(str, get_args(hint))) if get_origin(hint) is Literal else []


def _number(value: int | float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _as_toml(value: Any) -> str:
    """On one line; "not given" for None, which TOML has no word for."""
    if value is None:
        return "not given"
    if isinstance(value, Mapping):
        pairs = [f"{name}={_as_toml(inner)}" for name, inner in value.items()]
        return f"{{{', '.join(pairs)}}}"
    return json.dumps(value, ensure_ascii=False)


def _plugins_of(kind: type, path: Path) -> Iterator[str]:
    """A paragraph for each plugin that the options of a Config may name; `path` leads to it."""
    for slot in plugins.slots(kind):
        if not slot.options_in:
            continue
        inner = (*path, slot.options_in)
        faults = slot.faults()
        for name in plugins.names(slot.family):
            if name in faults:
                yield f"{slot.option}={name}:\n{_indented(faults[name])}"
                continue
            plugin = plugins.load(slot.family, name)
            yield _paragraph(slot, name, plugin, inner)
            yield from _plugins_of(plugin.Config, inner)


def _paragraph(slot: Slot, name: str, plugin: ModuleType, path: Path) -> str:
    begin, *_ = (plugin.__doc__ or "").strip().split("\n\n")
    heading = f"{slot.option}={name}"
    if fields(plugin.Config):
        heading += f" takes {_written(path)}"
    return f"{heading}:\n{_indented(begin)}\n{describe(plugin.Config)}"


def _indented(text: str) -> str:
    return textwrap.fill(text, WIDTH, initial_indent="  ", subsequent_indent="  ")


def _written(path: Path) -> str:
    """How options are given that stand in tables of others."""
    text = "NAME=VALUE, ..."
    for table in reversed(path):
        text = f"{table}={{{text}}}"
    return text
