"""How a study has its arms judged: by the evaluate stage, with the study's own options."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from engine import evaluate
from engine.core import options
from engine.core.events import Event
from engine.core.store import Store
from engine.evaluate import report, summary
from engine.evaluate.intervals import PerPrompt
from engine.evaluate.planning import model_name
from engine.option_groups import BaseModel, Judging, Sampling

Weights = Mapping[str, float]
"""Expert -> what its delta counts."""


def evaluation(study: Any, arms: Mapping[str, Weights]) -> evaluate.Config:
    """On validation, keeping no picture: a study's arms are not to be voted on.

    A study's Config holds the groups BaseModel, Judging and Painting, skills, prompts per skill and
    a seed.
    """
    models = {arm: dict(weights) for arm, weights in arms.items()}
    shared = options.values(study, BaseModel, Judging, Sampling)
    return evaluate.Config(
        models=models,
        **shared,
        skills=study.skills,
        prompts_per_skill=study.prompts_per_skill,
        guidances=(study.guidance,),
        seed=study.seed,
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
