"""What is asked of a merge, and whether it makes sense. No torch."""

from dataclasses import dataclass, field
from typing import Any

from engine.core import names, plugins, weights
from engine.core.config import build
from engine.core.errors import EngineError
from engine.merge import methods

TOO_LARGE = (
    "The weights or an expert's own values are too large: lower the weights, or leave that "
    "expert out."
)
"""What to do about a merge that is no LoRA any more."""
NOTHING = "There is nothing to merge. Train experts, then name each with its weight."


@dataclass(frozen=True)
class Config:
    """What to merge, how, and under which name."""

    experts: dict[str, float] = field(metadata={"help": "Weight of each expert, by its name"})
    name: str = field(default="merged", metadata={"help": "Name of the merged LoRA"})
    method: str = field(default="average", metadata={"help": "How the experts are combined"})
    options: dict[str, Any] = field(
        default_factory=dict,
        metadata={"help": "The method's own options", "recorded": "as options"},
    )
    verify: bool = field(
        default=True,
        metadata={
            "help": "Check that plain diffusers computes from the file what the sliders showed",
            "decides": False,
            "why": "it changes no weight; what was not checked is merged again",
        },
    )
    replace: bool = field(
        default=False,
        metadata={
            "help": "Merge anew what is another merge of this name",
            "decides": False,
            "why": "what to do with older work",
        },
    )


def check(config: Config) -> None:
    """Raises EngineError for what cannot be a name, and for experts and weights that make no
    merge.
    """
    names.check(config.name, "a merge")
    if not config.experts:
        raise EngineError(NOTHING)
    for name in config.experts:
        names.check(name, "an expert")
    weights.check(config.experts)
    build_options(config)


def build_options(config: Config) -> Any:
    """The method's own. Raises EngineError for a method that is none, and what it does not take."""
    method = plugins.load(methods, config.method)
    return build(method.Config, config.options, f"options of the method {config.method}")
