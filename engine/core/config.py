"""Options by name: a TOML table or a form becomes a Config dataclass, or an error that says what to
do.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar

from engine.core.errors import EngineError
from engine.core.files import read_text
from engine.core.misfits import Misfit, check_depth, shortened
from engine.core.typed import checkers

Config = TypeVar("Config")
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def build(kind: type[Config], values: Mapping[str, Any], where: str = "options") -> Config:
    """Make a `kind` from named values. Raises EngineError for an unknown name, a wrong type or
    value.
    """
    if not isinstance(values, Mapping):
        raise EngineError(
            f"{where} must hold named values, not {shortened(values)}. Write name = value."
        )
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    checks = checkers(kind)  # type: ignore[arg-type]
    if unknown := sorted(map(str, set(values) - set(known))):
        raise EngineError(
            f"{where}: no option called {shortened(unknown[0])}. Choose from {', '.join(known)}."
        )
    needed = [n for n, f in known.items() if f.default is MISSING and f.default_factory is MISSING]
    if missing := [name for name in needed if name not in values]:
        raise EngineError(f"{where}: {missing[0]!r} is missing. Give it a value.")
    checked = {}
    for name, value in values.items():
        try:
            checked[name] = checks[name](value)
        except Misfit as misfit:
            raise EngineError(_told(misfit.inside(name), where)) from None
        low, high = known[name].metadata.get("range", (None, None))
        if low is not None and checked[name] is not None and not low <= checked[name] <= high:
            raise EngineError(
                f"{where}: {name} is {shortened(value)}; it must lie between {low} "
                f"and {high}. Give a number in that range."
            )
    return kind(**checked)


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
    """A table of texts, numbers, truths, lists of these and tables, as TOML; what is None is left
    out.
    """
    plain = {
        name: value
        for name, value in table.items()
        if value is not None and not isinstance(value, Mapping)
    }
    text = "".join(f"{_key(name)} = {_quoted(value)}\n" for name, value in plain.items())
    for name, value in table.items():
        if isinstance(value, Mapping):
            own = (*path, name)
            text += f"\n[{'.'.join(map(_key, own))}]\n{to_toml(value, own)}"
    return text


def _key(name: str) -> str:
    return name if BARE_KEY.fullmatch(name) else _quoted(name)


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _told(misfit: Misfit, where: str) -> str:
    """In one sentence, and the remedy in another where the first does not hold it."""
    sentence = f"{where}: {': '.join(misfit.place)} {misfit.said}."
    return f"{sentence} {misfit.remedy}." if misfit.remedy else sentence
