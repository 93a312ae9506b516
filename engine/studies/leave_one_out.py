"""Which expert does a merge need? Each is left out in turn, and the judge scores what is left, on
validation.

Reads experts/, writes left_out/result.json, and scores/ as the evaluate stage does.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any

from engine import evaluate, merge
from engine.core import names, options
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.store import Store, write_json
from engine.evaluate import report
from engine.evaluate.planning import CEILING, model_name
from engine.merge import preview_weights
from engine.option_groups import BaseModel, Judging, Painting, Sampling

ALL, WITHOUT = "_all", "_without-"
"""Arms of a search or of this begin with an underscore: they are no models that people compare."""
RESULT = "left_out/result.json"


@dataclass(frozen=True)
class Config(Painting, Judging, BaseModel):
    """The merge, and how it is judged."""

    experts: dict[str, float] = field(metadata={"help": "Weight of each expert, by its name"})
    method: str = field(
        default="average", metadata={"help": "A merge method that is a sum of deltas"}
    )
    options: dict[str, Any] = field(
        default_factory=dict, metadata={"help": "The method's own options"}
    )
    skills: tuple[str, ...] = field(
        default=(), metadata={"help": "Whose prompts; none named: the world's own"}
    )
    prompts_per_skill: int = field(
        default=20, metadata={"help": "Of each skill", "range": (2, 10_000)}
    )
    seed: int = field(default=0, metadata={"help": "Of the noise"})


def run(config: Config, store: Store) -> Iterator[Event]:
    """Score all experts and all but each. Raises EngineError for a method whose merge is no sum of
    deltas.
    """
    check(config)
    evaluation = _evaluation(config)
    for event in evaluate.run(evaluation, store):
        yield replace(event, kind="progress")
    everything = model_name(ALL, config.guidance)
    whole = report.standing(evaluation, store, everything)
    without = {}
    for arm in evaluation.models:
        if arm != ALL:
            model = model_name(arm, config.guidance)
            left = report.standing(evaluation, store, model, everything)
            result = {"score": left.summary.macro, "difference": left.against_base}
            without[arm.removeprefix(WITHOUT)] = result
    found = {
        "merge": asdict(config),
        "all": whole.summary.macro,
        "floor": whole.floor,
        "ceiling": report.summarised(evaluation, store, CEILING).macro,
        "without": without,
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
        **options.values(config, BaseModel, Judging, Sampling),
        skills=config.skills,
        prompts_per_skill=config.prompts_per_skill,
        guidances=(config.guidance,),
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
