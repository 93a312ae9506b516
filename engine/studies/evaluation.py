"""How a study has its arms judged: by the evaluate stage, with the study's own options."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Protocol

from engine import evaluate
from engine.core.events import Event
from engine.core.store import Store
from engine.evaluate import report, summary
from engine.evaluate.intervals import PerPrompt
from engine.evaluate.planning import model_name

Weights = Mapping[str, float]
"""Expert -> what its delta counts."""


class Options(Protocol):
    """What the Config of every such study holds."""

    @property
    def model(self) -> str: ...
    @property
    def revision(self) -> str | None: ...
    @property
    def judge(self) -> str: ...
    @property
    def judge_options(self) -> dict[str, Any]: ...
    @property
    def skills(self) -> tuple[str, ...]: ...
    @property
    def prompts_per_skill(self) -> int: ...
    @property
    def guidance(self) -> float: ...
    @property
    def steps(self) -> int: ...
    @property
    def seed(self) -> int: ...


def evaluation(options: Options, arms: Mapping[str, Weights]) -> evaluate.Config:
    """On validation, keeping no picture: a study's arms are not to be voted on."""
    models = {arm: dict(weights) for arm, weights in arms.items()}
    judged = evaluate.Config(
        models=models,
        model=options.model,
        revision=options.revision,
        judge=options.judge,
        judge_options=options.judge_options,
        skills=options.skills,
        prompts_per_skill=options.prompts_per_skill,
    )
    return replace(
        judged,
        guidances=(options.guidance,),
        steps=options.steps,
        seed=options.seed,
        keep_pictures=0,
        replace=True,
    )


def progress(events: Iterator[Event]) -> Iterator[Event]:
    """An evaluation's events: its end is not the study's."""
    for event in events:
        yield replace(event, kind="progress")


def scores_of(config: evaluate.Config, store: Store, arm: str, suffix: str = "") -> PerPrompt:
    """What each prompt gave an arm, at the study's one guidance scale.

    The suffix `.floor` stands for the same pictures before wrong prompts.
    """
    (guidance,) = config.guidances
    scores = report.scores(config, store, model_name(arm, guidance), suffix)
    return summary.per_prompt(scores)
