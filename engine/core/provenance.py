"""Which options decide what a stage makes: all of them, unless the field itself says why not.

Beside a field of a Config, in its metadata:

    "decides": False, "why": "..."    another value gives the same result; a begun run may change it
    "recorded": "..."                 it decides, and the stage notes it in words of its own, these
    "grows": True                     it may name more than before: what it named stays as it was

So an option that somebody adds is in the identity of what its stage makes without being listed
anywhere.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import MISSING, Field, fields
from typing import Any


def deciding(
    config: Any, always: Collection[str] = (), without: Collection[str] = ()
) -> dict[str, Any]:
    """The options that decide, by name; one at its default only where it is in `always`.

    What was made before an option existed was made with its default, so a new option voids nothing.
    `always` are the names that records hold in any case, as they did before this rule; whoever
    changes the default of another option adds it there, and what was made with the old one is then
    told apart. `without` are options that decide nothing beside the others' present values.
    """
    return {
        field.name: value
        for field in recorded(type(config))
        if field.name not in without
        and ((value := getattr(config, field.name)) != default(field) or field.name in always)
    }


def everything(options: Any) -> dict[str, Any]:
    """A plugin's options that decide, all of them: `defaults` completes an older record."""
    return deciding(options, names(type(options)))


def defaults(kind: type) -> dict[str, Any]:
    """What a record stands for that was made before an option existed."""
    known = names(kind)
    return {name: value for name, value in every_default(kind).items() if name in known}


def every_default(kind: type) -> dict[str, Any]:
    """Of all options that have one."""
    return {field.name: value for field in fields(kind) if (value := default(field)) is not MISSING}


class Identity(dict[str, Any]):
    """What decides an artifact, and what its options are in a record that has not heard of them."""

    def __init__(self, values: Mapping[str, Any], unheard: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.unheard = dict(unheard)


def recorded(kind: type) -> Iterator[Field[Any]]:
    """The fields that `deciding` looks at."""
    for field in fields(kind):
        if field.metadata.get("decides", True) and "recorded" not in field.metadata:
            yield field


def names(kind: type) -> set[str]:
    """Of the fields that `deciding` looks at."""
    return {field.name for field in recorded(kind)}


def free(kind: type) -> set[str]:
    """Options that decide how the work goes, and not what comes out of it."""
    return {field.name for field in fields(kind) if not field.metadata.get("decides", True)}


def growing(kind: type) -> set[str]:
    """Options that may name more than before."""
    return {field.name for field in fields(kind) if field.metadata.get("grows")}


def default(field: Field[Any]) -> Any:
    """A field's value where nobody gives one; MISSING where it must be given."""
    return field.default_factory() if field.default_factory is not MISSING else field.default
