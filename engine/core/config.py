"""Options by name: a TOML table or a form becomes a Config dataclass, or an error that says what to do."""
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from engine.core.errors import EngineError

Config = TypeVar("Config")
BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def build(kind: type[Config], values: Mapping[str, Any], where: str = "options") -> Config:
    """Make a `kind` from named values. Raises EngineError for an unknown name, a wrong type or value."""
    if not isinstance(values, Mapping):
        raise EngineError(f"{where} must hold named values, not {values!r}.")
    known = {f.name: f for f in fields(kind)}  # type: ignore[arg-type]
    hints = get_type_hints(kind)
    if unknown := sorted(set(values) - set(known)):
        raise EngineError(f"{where}: no option called {unknown[0]!r}. Choose from {', '.join(known)}.")
    needed = [n for n, f in known.items() if f.default is MISSING and f.default_factory is MISSING]
    if missing := [name for name in needed if name not in values]:
        raise EngineError(f"{where}: {missing[0]!r} is missing. Give it a value.")
    checked = {}
    for name, value in values.items():
        checked[name] = _checked(value, hints[name], f"{where}: {name}")
        low, high = known[name].metadata.get("range", (None, None))
        if low is not None and checked[name] is not None and not low <= checked[name] <= high:
            raise EngineError(f"{where}: {name} is {value}; it must lie between {low} and {high}.")
    return kind(**checked)


def read_toml(path: Path) -> dict[str, Any]:
    """Raises EngineError with the line when the file is missing or malformed."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise EngineError(f"There is no file {path}. Name one that is there.") from error
    except OSError as error:
        raise EngineError(f"{path} cannot be read ({error.strerror}). Name a TOML file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise EngineError(f"{path} is not valid TOML: {error}. Correct that line.") from error


def to_toml(table: Mapping[str, Any], path: tuple[str, ...] = ()) -> str:
    """A table of texts, numbers, truths, lists of these and tables, as TOML; what is None is left out."""
    plain = {name: value for name, value in table.items() if value is not None and not isinstance(value, Mapping)}
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


def _checked(value: Any, hint: Any, where: str) -> Any:
    origin, choices = get_origin(hint), get_args(hint)
    if hint is Any:
        return value
    if origin is Literal:
        if value not in choices:
            raise EngineError(f"{where} is {value!r}; choose one of {', '.join(map(str, choices))}.")
        return value
    if origin in (Union, UnionType):
        inner = next(choice for choice in choices if choice is not type(None))
        return None if value is None else _checked(value, inner, where)
    if origin is dict and isinstance(value, dict):
        return {name: _checked(one, choices[1], f"{where}: {name}") for name, one in value.items()}
    if origin in (list, tuple) and isinstance(value, list | tuple):
        return _checked_all(value, origin, choices, where)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is int and isinstance(value, float) and value.is_integer():
        return int(value)
    return _of_type(value, origin or hint, where)


def _checked_all(values: Sequence[Any], kind: type, choices: tuple[Any, ...], where: str) -> Any:
    """The members of a list or a tuple, whose types `choices` are."""
    inner = choices if kind is tuple and choices[1:] != (...,) else choices[:1] * len(values)
    if len(inner) != len(values):
        raise EngineError(f"{where} is {list(values)!r}; it must hold {len(inner)} values.")
    return kind(_checked(one, hint, where) for one, hint in zip(values, inner, strict=True))


def _of_type(value: Any, expected: Any, where: str) -> Any:
    stray_bool = expected is int and isinstance(value, bool)
    if isinstance(expected, type) and (stray_bool or not isinstance(value, expected)):
        raise EngineError(f"{where} is {value!r}; it must be of type {expected.__name__}.")
    return value
