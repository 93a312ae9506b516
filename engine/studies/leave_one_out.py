"""Which expert does a merge need? Each is left out in turn, and the judge scores what is left, on
validation.

Reads experts/, writes left_out/result.json, and scores/ as the evaluate stage does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from engine import evaluate, merge
from engine.core import names, options, plugins
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.options import option
from engine.core.plugins import PluginChoice
from engine.core.store import Store, write_json
from engine.evaluate import intervals, report, summary
from engine.evaluate.planning import CEILING
from engine.merge import methods, preview_weights
from engine.option_groups import BaseModel, Judging, Painting
from engine.studies.evaluation import evaluation, progress, scores_of

ALL, WITHOUT_PREFIX = "_all", "_without-"
"""Arms of a search or of this begin with an underscore: they are no models that people compare."""
RESULT = "left_out/result.json"


@dataclass(frozen=True)
class Config(Painting, Judging, BaseModel):
    """The merge, and how it is judged."""

    experts: dict[str, float] = option(help="Weight of each expert, by its name")
    method: str = option(
        "average",
        "A merge method that is a sum of deltas",
        family=methods,
        options_in="options",
    )
    options: dict[str, Any] = option(factory=dict, help="The method's own options")
    skills: tuple[str, ...] = option((), "Whose prompts; none named: the world's own")
    prompts_per_skill: int = option(20, "Of each skill", range=(2, 10_000))
    seed: int = option(0, "Of the noise")

    @property
    def method_choice(self) -> PluginChoice:
        return plugins.choice_of(self, "method")


def run(config: Config, store: Store) -> Iterator[Event]:
    """Score all experts and all but each.

    Raises EngineError for a method whose merge is no sum of deltas.
    """
    check(config)
    judged = evaluation(config, arms(config))
    yield from progress(evaluate.run(judged, store))
    with_all = scores_of(judged, store, ALL)
    without = {}
    for arm in judged.models:
        if arm != ALL:
            scores = scores_of(judged, store, arm)
            difference = intervals.paired_difference(scores, with_all)
            expert = arm.removeprefix(WITHOUT_PREFIX)
            without[expert] = {"score": summary.macro(scores), "difference": difference}
    floor = summary.macro(scores_of(judged, store, ALL, ".floor"))
    ceiling = report.summarise(judged, store, CEILING).macro
    result = {
        "merge": options.record_of(config),
        "all": summary.macro(with_all),
        "without": without,
    }
    result |= {"floor": floor, "ceiling": ceiling}
    write_json(store.folder / RESULT, result)
    text = f"Each of {len(config.experts)} experts was left out in turn."
    yield Event(text, 1, 1, "done", result)


def check(config: Config) -> None:
    """Raises EngineError for a merge, a base and a judge that make no sense."""
    for name in config.experts:
        names.check(name, "an expert")
    evaluate.check(evaluation(config, arms(config)))


def arms(config: Config) -> dict[str, dict[str, float]]:
    """What each expert's delta counts, with all of them and without each that counts.

    Raises EngineError for a single expert, and for weights of which there is no merge.
    """
    merge.check_weights(config.experts)
    if len(config.experts) < 2:
        raise EngineError("One expert alone cannot be left out. Train another.")
    method = config.method_choice
    mixes = {ALL: preview_weights.coefficients(method, config.experts)}
    for name, weight in config.experts.items():
        if weight:
            others = {**config.experts}
            del others[name]
            is_merge = any(others.values())
            mix = preview_weights.coefficients(method, others) if is_merge else {}
            mixes[f"{WITHOUT_PREFIX}{name}"] = mix
    return mixes
