"""What a field of a Config says of its option.

An option is one line of a Config, `steps: int = option(20, "Denoising steps", range=(1, 1000))`,
with its facts. Forms, command line, recipes and identities read them there:

    help="..."                      a sentence for whoever chooses
    range=(lowest, highest)         of a number; anything else is refused
    most_in_app=n                   a page starts no more than that; a recipe may
    most_times_in_app=n             how often a thing that comes every so many steps may come
    in_form=False                   no visitor of a page may choose it
    holds=type                      what it is held to instead of its type hint
    decides=False, why="..."        another value gives the same result; a begun run may change it
    recorded="..."                  it decides, and the stage notes it in words of its own, these
    grows=True                      it may name more than before: what it named stays as it was
    silent_default=True             records leave it out while it has its default. An option that
                                    came after artifacts were made says so where hashes are taken
                                    of records: what was made before keeps its name and its bytes
    family=package                  it names a plugin of this package
    options_in="..."                and this option beside it holds the plugin's own options

Options that several stages share stand in engine.option_groups.
"""

from collections.abc import Callable
from dataclasses import MISSING, Field, asdict, field, fields
from typing import Any

FACTS = {
    "help",
    "range",
    "most_in_app",
    "most_times_in_app",
    "in_form",
    "holds",
    "decides",
    "why",
    "recorded",
    "grows",
    "silent_default",
    "family",
    "options_in",
}
"""All that a field's metadata may hold."""


def option(
    default: Any = MISSING,
    help: str = "",
    *,
    factory: Callable[[], Any] | None = None,
    kw_only: Any = MISSING,
    **facts: Any,
) -> Any:
    """A field of a Config with its facts beside it; without default and factory it must be given.

    An option of a group that is declared again must say again that it is `kw_only`. Raises
    TypeError, while the module is read, for a fact that nobody reads.
    """
    if unknown := facts.keys() - FACTS:
        raise TypeError(f"{', '.join(sorted(unknown))}: no fact of an option. Choose from {FACTS}.")
    metadata = {"help": help, **facts} if help else facts
    more: dict[str, Any] = {"metadata": metadata, "kw_only": kw_only}
    if factory is not None:
        return field(default_factory=factory, **more)
    return field(default=default, **more)


def values(config: Any, *groups: type) -> dict[str, Any]:
    """The options of these groups by name, to hand them on to another Config."""
    by_name = {}
    for group in groups:
        for option in fields(group):
            by_name[option.name] = getattr(config, option.name)
    return by_name


def defaults(kind: type) -> dict[str, Any]:
    """A Config's options where nobody gives a value, without those that must be given."""
    by_name = {}
    for option in fields(kind):
        if option.default_factory is not MISSING:
            by_name[option.name] = option.default_factory()
        elif option.default is not MISSING:
            by_name[option.name] = option.default
    return by_name


def is_silent(option: Field[Any], value: Any) -> bool:
    """Whether records leave out an option of that value."""
    return bool(option.metadata.get("silent_default")) and value == option.default


def record_of(config: Any) -> dict[str, Any]:
    """Every option of a Config as records have it."""
    by_name = asdict(config)
    for option in fields(config):
        if is_silent(option, by_name[option.name]):
            del by_name[option.name]
    return by_name
