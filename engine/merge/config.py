"""What is asked of a merge, and whether it makes sense. No torch."""

from dataclasses import dataclass
from typing import Any

from engine.core import names, plugins, weights
from engine.core.errors import EngineError
from engine.core.options import option
from engine.core.plugins import PluginChoice
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

    experts: dict[str, float] = option(help="Weight of each expert, by its name")
    name: str = option("merged", "Name of the merged LoRA")
    method: str = option(
        "average",
        "How the experts are combined; a file of engine/merge/methods",
        family=methods,
        options_in="options",
    )
    options: dict[str, Any] = option(
        factory=dict, help="The method's own options", recorded="as options"
    )
    verify: bool = option(
        True,
        "Check that plain diffusers computes from the file what the sliders showed",
        decides=False,
        why="it changes no weight; what was not checked is merged again",
    )
    replace: bool = option(
        False,
        "Merge anew what is another merge of this name",
        decides=False,
        why="what to do with older work",
    )

    @property
    def method_choice(self) -> PluginChoice:
        return plugins.choice_of(self, "method")


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
    config.method_choice.check()
