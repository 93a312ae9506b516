"""Judges, (prompts, pictures) -> scores. To add one, add a file with `Config` and `judge`.

`judge(config)` loads its model once and returns a function `(prompts, pictures, seeds)` -> a Score
each; pictures judged together score as each would alone. The file declares three things:

    SCALE               the lowest and the highest value: (0, 1) is a share and written in percent;
                        a score beyond it is refused
    HIGHER_IS_BETTER    False where the lowest value is the best
    METRICS             what a summary reports beside the mean, out of those of
                        engine/core/judging.py; none: the mean

One function more may be there. `why_unreadable(prompt)`, quick and without a model, returns why
this judge can never score that text, or None where it can. An evaluation asks before it paints: a
set of prompts of which none can be read is refused; of any other set all are painted, and those
that cannot be read go unscored.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from engine.core import plugins
from engine.core.judging import ALL_METRICS, CATEGORIES, DSG, EXACT, FLAGGED, SELMA, Judge
from engine.core.plugins import PluginChoice
from engine.core.score_checks import Promise
from engine.core.types import Prompt, Score

__all__ = ["ALL_METRICS", "CATEGORIES", "DSG", "EXACT", "FLAGGED", "SELMA", "Judge"]

WHY_UNREADABLE, SCALE = "why_unreadable", "SCALE"
HIGHER_IS_BETTER, METRICS = "HIGHER_IS_BETTER", "METRICS"


@dataclass(frozen=True)
class Declaration:
    """What a judge says of its scores."""

    scale: tuple[float, float] | None
    higher_is_better: bool
    metrics: tuple[str, ...]

    def gain(self, value: float) -> float:
        """The value, or what is higher the better it is."""
        return value if self.higher_is_better else -value


UNKNOWN = Declaration(None, True, ALL_METRICS)
"""Of a judge whose file is gone: its scores are summarised by whatever evidence they hold."""


def declaration(name: str) -> Declaration:
    """What the judge of this name declares; `UNKNOWN` where its file is not here or is broken."""
    package = sys.modules[__name__]
    if plugins.fault(package, name):
        return UNKNOWN
    plugin = plugins.load(package, name)
    return Declaration(
        getattr(plugin, SCALE, None),
        getattr(plugin, HIGHER_IS_BETTER, True),
        tuple(getattr(plugin, METRICS, ())),
    )


def guarded(choice: PluginChoice, judge: Judge) -> Judge:
    """The judge, every score of which keeps what its file promises.

    It raises EngineError, naming that file, where a score does not and where the judge fails.
    """
    with choice.blaming():
        scale = getattr(choice.module, SCALE, None)
        low_high = None if scale is None else _ends(scale)
    promise = Promise(choice.name, choice.file, low_high)

    def judge_checked(
        prompts: Sequence[Prompt], pictures: Sequence[Image.Image], seeds: Sequence[int]
    ) -> list[Score]:
        with choice.blaming():
            # a list, since a generator would fail only when it is read
            scores = list(judge(prompts, pictures, seeds))
        return promise.checked(scores, prompts, seeds)

    return judge_checked


def _ends(scale: Sequence[float]) -> tuple[float, float]:
    low, high = scale
    return low, high
