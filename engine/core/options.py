"""What a field of a Config says of its option, and the options that several stages share.

An option is one line of a Config, and its facts stand beside it, in the field's metadata. Forms,
command line, recipes and identities read them there:

    "help": "..."                     a sentence for whoever chooses
    "range": (lowest, highest)        of a number; anything else is refused
    "most_in_app": n                  a page starts no more than that; a recipe may
    "most_times_in_app": n            how often a thing that comes every so many steps may come
    "in_form": False                  no visitor of a page may choose it
    "holds": type                     what it is held to instead of its type hint
    "decides": False, "why": "..."    another value gives the same result; a begun run may change it
    "recorded": "..."                 it decides, and the stage notes it in words of its own, these
    "grows": True                     it may name more than before: what it named stays as it was

The groups below are bases of the stages' Configs: an option that is added to one is in all of them.
"""

from dataclasses import MISSING, dataclass, field, fields
from typing import Any, Literal

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


@dataclass(frozen=True, kw_only=True)
class BaseModel:
    """Which model paints, learns or is scored."""

    model: str = field(
        default="storybook",
        metadata={"help": "The base model: storybook, a folder or a Hub id"},
    )
    revision: str | None = field(
        default=None, metadata={"help": "Branch, tag or commit on the Hub"}
    )


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How noise becomes a picture."""

    steps: int = field(
        default=20,
        metadata={"help": "Denoising steps per picture", "range": (1, 1000), "most_in_app": 250},
    )
    sampler: Literal["dpmsolver++", "ddim", "euler", "default"] = field(
        default="dpmsolver++", metadata={"help": "default is the one the model came with"}
    )


@dataclass(frozen=True, kw_only=True)
class Guidance:
    """How much more a picture follows its prompt than the model alone would."""

    guidance: float = field(
        default=3.5, metadata={"help": "Guidance scale; 1 is none", "range": (0.0, 50.0)}
    )


@dataclass(frozen=True, kw_only=True)
class Painting(Sampling, Guidance):
    """How pictures are painted, all at one guidance scale."""


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
