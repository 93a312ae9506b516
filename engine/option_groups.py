"""Options that several stages share: which base, how it paints, who judges.

Each group is a base of the stages' Configs, so that an option that is added to a group is in all of
them. The groups are keyword-only: a Config's own options keep their places.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from engine import judges, worlds
from engine.core import plugins
from engine.core.errors import EngineError
from engine.core.options import option
from engine.core.plugins import PluginChoice
from engine.models import checkpoints, encoders
from engine.models.bases import Base


@dataclass(frozen=True, kw_only=True)
class BaseModel:
    """Which model paints, learns or is scored, and how it reads texts."""

    model: str = option(
        worlds.usual_base(), "The base model: a name that ships, a folder or a Hub id"
    )
    revision: str | None = option(None, "Branch, tag or commit on the Hub")
    encoder: str = option(
        encoders.NATIVE,
        "How texts become conditions; a file of engine/models/encoders",
        family=encoders,
        silent_default=True,
    )

    @property
    def base(self) -> Base:
        return Base(self.model, self.revision, self.encoder)

    def check_base(self) -> Path | None:
        """The folder of a base that is on this machine; nothing is loaded.

        Raises EngineError for what can be no base, and for an encoder that is none.
        """
        encoders.load(self.encoder)
        return checkpoints.check_base(self.model)


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How noise becomes a picture."""

    steps: int = option(20, "Denoising steps per picture", range=(1, 1000), most_in_app=250)
    sampler: Literal["dpmsolver++", "ddim", "euler", "default"] = option(
        "dpmsolver++", "default is the one the model came with"
    )


@dataclass(frozen=True, kw_only=True)
class Guidance:
    """How much more a picture follows its prompt than the model alone would."""

    guidance: float = option(3.5, "Guidance scale; 1 is none", range=(0.0, 50.0))


@dataclass(frozen=True, kw_only=True)
class Painting(Sampling, Guidance):
    """How pictures are painted, all at one guidance scale."""


@dataclass(frozen=True, kw_only=True)
class Judging:
    """Who judges pictures."""

    judge: str = option(
        worlds.usual_judge(),
        "Who scores; the name of a judge",
        family=judges,
        options_in="judge_options",
    )
    judge_options: dict[str, Any] = option(factory=dict, help="The judge's own options")

    @property
    def judge_choice(self) -> PluginChoice:
        return plugins.choice_of(self, "judge")


@dataclass(frozen=True, kw_only=True)
class OptionalJudging(Judging):
    """The same where pictures may also be left unjudged."""

    judge: str = option(
        "",
        "Who reads the pictures; the name of a judge, or nobody",
        family=judges,
        options_in="judge_options",
    )

    def check_judge(self) -> None:
        """Raises EngineError for a judge that is none, and for options that it does not take."""
        if self.judge:
            self.judge_choice.check()
        elif self.judge_options:
            raise EngineError("There are judge_options and no judge. Name it, or leave them out.")
