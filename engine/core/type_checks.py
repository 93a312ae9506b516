"""Values held to type hints, the same for options, records and JSON objects."""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from math import isfinite
from types import UnionType
from typing import (
    Any,
    Literal,
    NotRequired,
    Required,
    TypeVar,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from engine.core.misfits import REMEDIES, Misfit, is_unicode, shortened, wrong
from engine.core.open_records import MORE, Open

Record = TypeVar("Record")
Checker = Callable[[Any], Any]
"""Takes a value, returns it as its hint has it; raises Misfit."""
PLAIN = (bool, int, float, str)
WHOLE_NUMBERS = range(-(2**63), 2**63)


def checker(hint: Any) -> Checker:
    """For a type, `Any`, Literal, Optional, list, tuple, dict, a TypedDict, or a dataclass.

    Keys that a TypedDict does not name are kept.
    """
    if hint is Any:
        return _as_it_is
    if is_typeddict(hint):
        return _of_shape(hint)
    if isinstance(hint, type) and is_dataclass(hint):
        return reader(hint)
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (NotRequired, Required):
        return checker(inner[0])
    if origin is Literal:
        return _one_of(inner)
    if origin in (Union, UnionType):
        return _any_of(inner)
    if origin is dict:
        return _named(checker(inner[1]))
    if origin is list or (origin is tuple and inner[1:] == (...,)):
        return _several(origin, checker(inner[0]))
    if origin is tuple:
        return _exactly([checker(one) for one in inner])
    by_hint: dict[Any, Checker] = {int: _whole, float: _number, str: _text}
    return by_hint.get(hint) or _of_type(origin or hint)


@cache
def checkers(kind: type) -> dict[str, Checker]:
    """A dataclass's fields, each with its checker.

    Kept by class and not by hint: Literal["a", "b"] and Literal["b", "a"] are one key, and their
    errors differ. A field whose metadata has a `holds` is held to that instead of its hint.
    """
    hints = get_type_hints(kind)
    return {one.name: checker(one.metadata.get("holds", hints[one.name])) for one in fields(kind)}


def must_be_given(one: Field[Any]) -> bool:
    """Whether a dataclass's field has no value unless somebody gives it one."""
    return one.default is MISSING and one.default_factory is MISSING


@cache
def reader(kind: type[Record]) -> Callable[[Any], Record]:
    """Named values -> a dataclass's instance; names it does not know are left out, but for `Open`.

    A class may have a `fault`, which says what is wrong with an instance, or "". The reader raises
    Misfit.
    """
    checks = list(checkers(kind).items())  # type: ignore[arg-type]
    needed = [one.name for one in fields(kind) if must_be_given(one)]  # type: ignore[arg-type]
    fault: Callable[[Any], str] | None = getattr(kind, "fault", None)
    keeps_more = issubclass(kind, Open)
    if keeps_more:
        checks = [(name, check) for name, check in checks if name != MORE]

    def read(values: Any) -> Record:
        checked = _checked(_dict(values), checks, needed)
        if keeps_more and len(checked) < len(values):
            checked[MORE] = {name: values[name] for name in values if name not in checked}
        record = kind(**checked)
        if fault and (complaint := fault(record)):
            raise Misfit(complaint)
        return record

    return read


def _checked(
    values: Mapping[str, Any], checks: list[tuple[str, Checker]], needed: list[str]
) -> dict[str, Any]:
    checked, name = {}, ""
    try:  # around the loop and not in it: records are read by the hundred thousand
        for name, check in checks:
            if name in values:
                checked[name] = check(values[name])
    except Misfit as misfit:
        raise misfit.at_place(name) from None
    for name in needed:
        if name not in checked:
            raise Misfit("is missing", "Give it a value", (name,))
    return checked


def _as_it_is(value: Any) -> Any:
    return value


def _of_type(kind: Any) -> Checker:
    def check(value: Any) -> Any:
        if isinstance(kind, type) and not isinstance(value, kind):
            raise wrong(value, kind)
        return value

    return check


_dict = _of_type(dict)


def _whole(value: Any) -> int:
    """A number of at most 64 bits; 8.0 is one, True is none."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(value, int)
    if value not in WHOLE_NUMBERS:
        raise Misfit(f"is {shortened(value)}, which has more than 64 bits", "Give a smaller number")
    return value


def _number(value: Any) -> float:
    """A finite one."""
    if isinstance(value, bool) or not isinstance(value, float | int):
        raise wrong(value, float)
    if isinstance(value, int):
        value = float(_whole(value))
    if not isfinite(value):
        raise Misfit(f"is {value}; it must be a finite number of type float", REMEDIES[float])
    return value


def _text(value: Any) -> str:
    """One that UTF-8 can hold."""
    if type(value) is str and value.isascii():  # nearly always, and this is called most
        return value
    if not isinstance(value, str):
        raise wrong(value, str)
    if not is_unicode(value):
        raise Misfit(
            f"is {shortened(value, ascii)}, which holds half a character", "Give a whole text"
        )
    return value


def _one_of(choices: tuple[Any, ...]) -> Checker:
    def check(value: Any) -> Any:
        if value not in choices:
            listed = ", ".join(map(str, choices))
            raise Misfit(f"is {shortened(value)}; choose one of {listed}", "")
        return value

    return check


def _any_of(choices: tuple[Any, ...]) -> Checker:
    """By the value's own type; else the first that fits, or the last one's complaint."""
    hints = [hint for hint in choices if hint is not type(None)]
    checks = [checker(hint) for hint in hints]
    by_type = {hint: check for hint, check in zip(hints, checks, strict=True) if hint in PLAIN}
    may_be_none = type(None) in choices

    def check(value: Any) -> Any:
        if value is None and may_be_none:
            return None
        if check_type := by_type.get(type(value)):
            return check_type(value)
        for attempt in checks[:-1]:
            try:
                return attempt(value)
            except Misfit:
                continue
        return checks[-1](value)

    return check


def _named(inner: Checker) -> Checker:
    def check(value: Any) -> dict[str, Any]:
        checked = {}
        for name, one in _dict(value).items():
            try:
                checked[name] = inner(one)
            except Misfit as misfit:
                raise misfit.at_place(name) from None
        return checked

    return check


def _several(kind: type, inner: Checker) -> Checker:
    def check(value: Any) -> Any:
        if not isinstance(value, list | tuple):
            raise wrong(value, list)
        return kind(map(inner, value))

    return check


def _exactly(inner: list[Checker]) -> Checker:
    """A tuple of so many values, each with its own hint."""

    def check(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise wrong(value, list)
        if len(value) != len(inner):
            raise Misfit(
                f"is {shortened(list(value))}; it must hold {len(inner)} values", "Give as many"
            )
        return tuple(check_one(one) for check_one, one in zip(inner, value, strict=True))

    return check


def _of_shape(kind: Any) -> Checker:
    hints = get_type_hints(kind)
    checks = [(name, checker(hint)) for name, hint in hints.items()]
    needed = sorted(kind.__required_keys__)

    def check(value: Any) -> dict[str, Any]:
        return {**_dict(value), **_checked(value, checks, needed)}

    return check
