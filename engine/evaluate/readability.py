"""Whether a judge can read what it is to judge by, asked before anything is painted."""

from collections.abc import Callable, Iterable

from engine import judges
from engine.core import plugins
from engine.core.errors import EngineError
from engine.core.misfits import shortened
from engine.core.types import Prompt


def check(judge: str, prompts: Iterable[Prompt]) -> None:
    """Raises EngineError where the judge can tell beforehand that it can read none of the prompts.

    A few that it cannot read go unscored; where it is all, every picture would be for nothing.
    """
    plugin = plugins.load(judges, judge)
    why: Callable[[Prompt], str | None] = getattr(plugin, judges.WHY_UNREADABLE, lambda _: None)
    asked = list(prompts)
    reasons = []
    for prompt in asked:
        reason = why(prompt)
        if reason is None:
            return
        reasons.append(reason)
    if reasons:
        raise EngineError(
            f"The judge {judge!r} can read none of the {len(asked)} prompts; of "
            f"{shortened(asked[0].text)} it says: {reasons[0]}. Choose prompts that it "
            "understands, or another judge."
        )
