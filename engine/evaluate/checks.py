"""What cannot be compared, told before anything is painted or loaded."""

import re
from collections.abc import Callable, Mapping, Sequence
from math import isfinite

from engine import judges
from engine.core import names, plugins, weights
from engine.core.errors import EngineError
from engine.core.misfits import shortened
from engine.core.types import Prompt
from engine.evaluate import Config, prompt_sets

ARM = re.compile(r"\w[\w.+-]*")
MOST_GUIDANCE = 100
MOST_ARM_CHARACTERS = 100
"""A search's and a leave-one-out's arms hold the name of a search or an expert, and some more."""


def check(config: Config) -> None:
    """Raises EngineError for arms, prompts, a base and a judge that make no sense.

    Nothing is loaded but the prompts.
    """
    check_arms(config)
    config.judge_choice.check()
    prompts = prompt_sets.prompts_of(config)
    with prompt_sets.naming(config.prompts):
        check_readable(config.judge, prompt_sets.to_paint(config, prompts))
    config.check_base()


def check_readable(judge: str, prompts: Sequence[Prompt]) -> None:
    """Raises EngineError where the judge can tell beforehand that it can read none of the prompts.

    A few that it cannot read go unscored; where it is all, every picture would be for nothing.
    """
    plugin = plugins.load(judges, judge)
    why: Callable[[Prompt], str | None] | None = getattr(plugin, judges.WHY_UNREADABLE, None)
    if why is None or not prompts:
        return
    for prompt in prompts:
        if why(prompt) is None:
            return
    first = prompts[0]
    raise EngineError(
        f"The judge {judge!r} can read none of the {len(prompts)} prompts; of "
        f"{shortened(first.text)} it says: {why(first)}. Choose prompts that it "
        "understands, or another judge."
    )


def check_arms(config: Config) -> None:
    """Raises EngineError for names, weights and guidance scales that are none."""
    if not config.models or not config.guidances:
        raise EngineError(
            "There is nothing to compare. Name at least one model and one guidance scale."
        )
    for arm, mix in config.models.items():
        _check_arm(arm, mix)
    for arm in config.own_guidance:
        if arm not in config.models:
            known = ", ".join(config.models)
            raise EngineError(
                f"{arm!r} has a guidance scale of its own but is no model here. "
                f"Choose from {known}."
            )
    for scale in (*config.guidances, *config.own_guidance.values()):
        _check_scale(scale)


def _check_arm(arm: str, mix: object) -> None:
    if not ARM.fullmatch(arm):
        raise EngineError(f"{arm[:80]!r} cannot name a model. Use letters, digits and dashes.")
    names.check_file(arm, "a model", MOST_ARM_CHARACTERS)
    if not isinstance(mix, Mapping):
        raise EngineError(f"{arm} is {mix!r}. Give it its experts' weights, {{}} for the base.")
    weights.check(mix, arm)


def _check_scale(scale: object) -> None:
    if isinstance(scale, int | float) and not isinstance(scale, bool):
        if isfinite(scale) and 0 <= scale <= MOST_GUIDANCE:
            return
    raise EngineError(
        f"Guidance {scale!r} is no scale. Choose numbers of 1 (none) or "
        f"more, {MOST_GUIDANCE} at most."
    )
