"""Judges, (prompt, picture) -> score. To add one, add a file with `Config` and `judge`.

`judge(config)` loads its model once and returns a function `(prompt, picture, seed) -> Score`. Two
more may be there. `why_unreadable(prompt)`, quick and without a model, returns why this judge can
never score that text, or None where it can: a stage asks before it paints. `SCALE`, the lowest and
the highest value, says how its scores are written: (0, 1) is a share, else a number of its own; a
score beyond it is damaged.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from engine.core.errors import EngineError
from engine.core.plugins import PluginChoice
from engine.core.types import Prompt, Score

WHY_UNREADABLE, SCALE = "why_unreadable", "SCALE"
Judge = Callable[[Prompt, Image.Image, int], Score]


@dataclass(frozen=True, kw_only=True)
class Judging:
    """Options of the stages that have pictures judged (engine.core.options)."""

    judge: str = field(
        default="storybook", metadata={"help": "Who scores; a file of engine/judges"}
    )
    judge_options: dict[str, Any] = field(
        default_factory=dict, metadata={"help": "The judge's own options"}
    )

    @property
    def judge_choice(self) -> PluginChoice:
        return PluginChoice(sys.modules[__name__], self.judge, self.judge_options)


@dataclass(frozen=True, kw_only=True)
class OptionalJudging(Judging):
    """The same where pictures may also be left unjudged."""

    judge: str = field(
        default="", metadata={"help": "Who reads the pictures; a file of engine/judges, or nobody"}
    )

    def check_judge(self) -> None:
        """Raises EngineError for a judge that is none, and for options that it does not take."""
        if self.judge:
            self.judge_choice.check()
        elif self.judge_options:
            raise EngineError("There are judge_options and no judge. Name it, or leave them out.")
