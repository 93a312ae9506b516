"""Options by name: a TOML table or a form becomes a Config, or an error that says what to do."""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, TypeVar

from engine.core.errors import EngineError
from engine.core.files import read_text
from engine.core.misfits import Misfit, check_depth, shortened
from engine.core.type_checks import checkers, must_be_given

Config = TypeVar("Config")
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def build(kind: type[Config], values: Mapping[str, Any], where: str = "options") -> Config:
    """Make a `kind` from named values.

    Raises EngineError for an unknown name, a missing one, a wrong type or value.
    """
    if not isinstance(values, Mapping):
        raise EngineError(
            f"{where} must hold named values, not {shortened(values)}. Write name = value."
        )
    options = {option.name: option for option in fields(kind)}  # type: ignore[arg-type]
    _check_names(options, values, where)
    checks = checkers(kind)  # type: ignore[arg-type]
    checked = {}
    for name, value in values.items():
        try:
            checked[name] = checks[name](value)
        except Misfit as misfit:
            raise EngineError(_sentence(misfit.at_place(name), where)) from None
        _check_range(options[name], value, where)
    return kind(**checked)


def _check_names(options: Mapping[str, Field[Any]], values: Mapping[str, Any], where: str) -> None:
    """Raises EngineError for a name that is no option's, and for an option that must be given."""
    if unknown := sorted(map(str, set(values) - set(options))):
        raise EngineError(
            f"{where}: no option called {shortened(unknown[0])}. Choose from {', '.join(options)}."
        )
    for name, option in options.items():
        if name not in values and must_be_given(option):
            raise EngineError(f"{where}: {name!r} is missing. Give it a value.")


def _check_range(option: Field[Any], value: Any, where: str) -> None:
    if value is None or "range" not in option.metadata:
        return
    low, high = option.metadata["range"]
    if not low <= value <= high:
        raise EngineError(
            f"{where}: {option.name} is {shortened(value)}; it must lie between {low} "
            f"and {high}. Give a number in that range."
        )


def read_toml(path: Path) -> dict[str, Any]:
    """Raises EngineError with the line when the file is missing or malformed."""
    try:
        table = tomllib.loads(read_text(path, "Name a TOML file, saved as UTF-8"))
        check_depth(table)
        return table
    except (FileNotFoundError, NotADirectoryError) as error:
        raise EngineError(f"There is no file {path}. Name one that is there.") from error
    except (RecursionError, Misfit) as error:
        raise EngineError(f"{path} is nested too deep. Write its tables flat.") from error
    except ValueError as error:  # malformed, or a number of thousands of digits
        raise EngineError(f"{path} is not valid TOML: {error}. Correct that line.") from error


def to_toml(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> str:
    """A table as TOML: texts, numbers, truths, lists of these, and tables; None is left out."""
    options, tables = "", ""
    for name, value in table.items():
        if isinstance(value, Mapping):
            inner = (*path, name)
            heading = ".".join(map(_key, inner))
            tables += f"\n[{heading}]\n{to_toml(value, inner)}"
        elif value is not None:
            options += f"{_key(name)} = {_quoted(value)}\n"
    return options + tables


def _key(name: str) -> str:
    return name if BARE_KEY.fullmatch(name) else _quoted(name)


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _sentence(misfit: Misfit, where: str) -> str:
    """What is wrong, and the remedy in a second sentence where the first does not hold it."""
    sentence = f"{where}: {': '.join(misfit.place)} {misfit.complaint}."
    return f"{sentence} {misfit.remedy}." if misfit.remedy else sentence
