"""Options that several stages share: which base, how it paints, who judges.

Each group is a base of the stages' Configs, so that an option that is added to a group is in all of
them. The groups are keyword-only: a Config's own options keep their places.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

from engine import judges, worlds
from engine.core.errors import EngineError
from engine.core.plugins import PluginChoice


@dataclass(frozen=True, kw_only=True)
class BaseModel:
    """Which model paints, learns or is scored."""

    model: str = field(
        default=worlds.usual_base(),
        metadata={"help": "The base model: a name that ships, a folder or a Hub id"},
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


@dataclass(frozen=True, kw_only=True)
class Judging:
    """Who judges pictures."""

    judge: str = field(
        default=worlds.usual_judge(), metadata={"help": "Who scores; a file of engine/judges"}
    )
    judge_options: dict[str, Any] = field(
        default_factory=dict, metadata={"help": "The judge's own options"}
    )

    @property
    def judge_choice(self) -> PluginChoice:
        return PluginChoice(judges, self.judge, self.judge_options)


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
