"""Which expert does a merge need? Each is left out in turn, and the judge scores what is left, on
validation.

Reads experts/, writes left_out/result.json, and scores/ as the evaluate stage does.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

from engine import evaluate, merge, worlds
from engine.core import names
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.store import Store, write_json
from engine.evaluate import intervals, report, summary
from engine.evaluate.planning import CEILING, model_name
from engine.merge import preview_weights

ALL, WITHOUT = "_all", "_without-"
"""Arms of a search or of this begin with an underscore: they are no models that people compare."""
RESULT = "left_out/result.json"


@dataclass(frozen=True)
class Config:
    """The merge, and how it is judged."""

    experts: dict[str, float] = field(metadata={"help": "Weight of each expert, by its name"})
    method: str = field(
        default="average", metadata={"help": "A merge method that is a sum of deltas"}
    )
    options: dict[str, Any] = field(
        default_factory=dict, metadata={"help": "The method's own options"}
    )
    model: str = field(
        default=worlds.usual_base(), metadata={"help": "The base: a name, a folder or a Hub id"}
    )
    revision: str | None = field(default=None, metadata={"help": "Commit or branch of a Hub id"})
    judge: str = field(default=worlds.usual_judge(), metadata={"help": "Who scores"})
    judge_options: dict[str, Any] = field(
        default_factory=dict, metadata={"help": "The judge's own options"}
    )
    skills: tuple[str, ...] = field(
        default=(), metadata={"help": "Whose prompts; none named: the world's own"}
    )
    prompts_per_skill: int = field(
        default=20, metadata={"help": "Of each skill", "range": (2, 10_000)}
    )
    guidance: float = field(default=3.5, metadata={"help": "Guidance scale", "range": (0.0, 50.0)})
    steps: int = field(default=20, metadata={"help": "Denoising steps", "range": (1, 1000)})
    seed: int = field(default=0, metadata={"help": "Of the noise"})


def run(config: Config, store: Store) -> Iterator[Event]:
    """Score all experts and all but each. Raises EngineError for a method whose merge is no sum of
    deltas.
    """
    check(config)
    evaluation = _evaluation(config)
    for event in evaluate.run(evaluation, store):
        yield replace(event, kind="progress")
    values = {
        arm: summary.per_prompt(report.scores(evaluation, store, model_name(arm, config.guidance)))
        for arm in evaluation.models
    }
    floor = summary.per_prompt(
        report.scores(evaluation, store, model_name(ALL, config.guidance), ".floor")
    )
    found = {
        "merge": asdict(config),
        "all": summary.macro(values[ALL]),
        "floor": summary.macro(floor),
        "ceiling": report.summarised(evaluation, store, CEILING).macro,
    }
    found["without"] = {
        arm.removeprefix(WITHOUT): {
            "score": summary.macro(own),
            "difference": intervals.paired(own, values[ALL]),
        }
        for arm, own in values.items()
        if arm != ALL
    }
    write_json(store.folder / RESULT, found)
    yield Event(f"Each of {len(config.experts)} experts was left out in turn.", 1, 1, "done", found)


def check(config: Config) -> None:
    """Raises EngineError for a merge, a base and a judge that make no sense."""
    for name in config.experts:
        names.check(name, "an expert")
    evaluate.check(_evaluation(config))


def _evaluation(config: Config) -> evaluate.Config:
    return evaluate.Config(
        models=arms(config),
        model=config.model,
        revision=config.revision,
        judge=config.judge,
        judge_options=config.judge_options,
        skills=config.skills,
        prompts_per_skill=config.prompts_per_skill,
        guidances=(config.guidance,),
        steps=config.steps,
        seed=config.seed,
        keep_pictures=0,
        replace=True,
    )


def arms(config: Config) -> dict[str, dict[str, float]]:
    """What each expert's delta counts, with all of them and without each that counts.

    Raises EngineError for a single expert, and for weights of which there is no merge.
    """
    merge.check_weights(config.experts)
    if len(config.experts) < 2:
        raise EngineError("One expert alone cannot be left out. Train another.")
    count = partial(preview_weights.coefficients, config.method, config.options)
    found = {ALL: count(config.experts)}
    for name in (name for name, weight in config.experts.items() if weight):
        rest = {other: weight for other, weight in config.experts.items() if other != name}
        found[f"{WITHOUT}{name}"] = count(rest) if any(rest.values()) else {}
    return found
