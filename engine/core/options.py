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

Options that several stages share stand in engine.option_groups.
"""

import json
from collections.abc import Callable
from dataclasses import MISSING, Field, field, fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

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


def describe(kind: type) -> str:
    """A Config's options for a reader of the command line, a line each."""
    usual, hints = defaults(kind), get_type_hints(kind)
    width = max((len(option.name) for option in fields(kind)), default=0)
    lines = []
    for option in fields(kind):
        facts = _facts(option, hints[option.name])
        if option.name in usual:
            facts.append(f"default {json.dumps(usual[option.name], default=str)}")
        else:
            facts.append("must be given")
        lines.append(f"  {option.name:<{width}}  {'; '.join(facts)}")
    return "\n".join(lines)


def _facts(option: Field[Any], hint: Any) -> list[str]:
    facts = []
    if sentence := option.metadata.get("help"):
        facts.append(sentence)
    if bounds := option.metadata.get("range"):
        low, high = bounds
        facts.append(f"{low:,} to {high:,}")
    if get_origin(hint) is Literal:
        facts.append("one of " + ", ".join(map(str, get_args(hint))))
    return facts
