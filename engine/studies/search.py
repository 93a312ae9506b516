"""Look for weights that score better than the plain average: on validation, then both once on test.

[CMA-ES](https://arxiv.org/abs/1604.00772) by `cma`, from the average on: a generation's candidates
are arms of one evaluation, painted from the same prompts and seeds. What it wins on validation it
may lose on test; both are reported. Reads experts/, writes searches/<name>/tried.jsonl,
result.json, and scores/ as the evaluate stage does.
"""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from engine import evaluate, judges
from engine.core import names
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.options import option
from engine.core.store import Store, write_json, write_records
from engine.evaluate import intervals, report, summary
from engine.evaluate.planning import CEILING
from engine.option_groups import BaseModel, Judging, Painting
from engine.studies.candidates import AVERAGE, Candidate, best_of, file_of
from engine.studies.evaluation import evaluation, progress, scores_of
from engine.studies.strategy import Strategy

if TYPE_CHECKING:
    from engine.models.ensemble import Ensemble

BEST = "searched"
Split = Literal["validation", "test"]
SPLITS: tuple[Split, ...] = ("validation", "test")
Weights = dict[str, float]


@dataclass(frozen=True)
class Config(Painting, Judging, BaseModel):
    """What to search for, and how long."""

    experts: tuple[str, ...] = option(help="Whose weights")
    name: str = option("search", "Its folder, and the start of its arms' names")
    generations: int = option(6, "Rounds of candidates", range=(1, 1000), most_in_app=200)
    population: int = option(8, "Candidates a round", range=(2, 256), most_in_app=64)
    spread: float = option(
        0.2, "How far the first candidates lie from the average", range=(0.001, 5.0)
    )
    lowest: float = option(-0.5, "Bound of every weight", range=(-10.0, 10.0))
    highest: float = option(1.5, "Bound of every weight", range=(-10.0, 10.0))
    skills: tuple[str, ...] = option((), "Whose prompts; none named: the world's own")
    prompts: str = option("", "A JSONL file of prompts; empty: the world's frozen ones")
    test_prompts: str = option("", "Other prompts than these, for the test")
    prompts_per_skill: int = option(20, "On validation", range=(2, 10_000), most_in_app=500)
    test_prompts_per_skill: int = option(50, "On test, once", range=(2, 10_000), most_in_app=2_000)
    seed: int = option(0, "Of the candidates and of the noise", range=(0, 2**31 - 2))


def run(config: Config, store: Store) -> Iterator[Event]:
    """Search, then compare on test. Scores that are there already are not measured again.

    Raises EngineError, naming the remedy, for experts and bounds that make no sense.
    """
    check(config)
    from engine.models.ensemble import Ensemble

    ensemble = Ensemble(config.base, store, config.experts)
    first_arm = {_arm(config, AVERAGE): average_of(config)}
    candidates = yield from _scored(config, store, ensemble, first_arm)
    gain = judges.declaration(config.judge).gain
    strategy = _strategy(config)
    for generation in range(config.generations):
        arms = {}
        for number, weights in enumerate(strategy.propose()):
            arms[_arm(config, f"{generation}-{number}")] = weights
        scored = yield from _scored(config, store, ensemble, arms)
        strategy.learn([gain(candidate.score) for candidate in scored])
        candidates += scored
        write_records(file_of(store, config.name), candidates)
        yield _generation_event(config, generation, candidates)
    best, average = best_of(candidates, gain), candidates[0]
    arms = {average.arm: average.weights, _arm(config, BEST): best.weights}
    yield from _evaluated(config, store, ensemble, arms, "test")
    result = _result(config, store, arms) | {
        "validation": best.score,
        "average_on_validation": average.score,
    }
    write_json(file_of(store, config.name).with_name("result.json"), result)
    yield _last_event(result)


def check(config: Config) -> None:
    """Raises EngineError, naming the remedy, for what cannot be searched."""
    if len(config.experts) < 2 or len(set(config.experts)) < len(config.experts):
        raise EngineError("A search needs two experts or more, each once. Name them.")
    _check_prompts(config.prompts, config.test_prompts)
    average = 1 / len(config.experts)
    if not config.lowest < average < config.highest:
        raise EngineError(
            f"The average, {average:.3g} each, must lie between the bounds. "
            "Set lowest and highest around it."
        )
    names.check(config.name, "a search")
    for name in config.experts:
        names.check(name, "an expert")
    for split in SPLITS:
        evaluate.check(_evaluation(config, {AVERAGE: average_of(config)}, split))


def average_of(config: Config) -> Weights:
    return dict.fromkeys(config.experts, 1 / len(config.experts))


def _check_prompts(prompts: str, test_prompts: str) -> None:
    """Both files or none, and not the same."""
    if not prompts and not test_prompts:
        return
    if not prompts or not test_prompts or prompts == test_prompts:
        raise EngineError(
            "Prompts of your own need a second file, test_prompts, that the search "
            "never sees. Name both."
        )


def _strategy(config: Config) -> Strategy:
    bounds = (config.lowest, config.highest)
    return Strategy(config.experts, config.spread, config.population, bounds, config.seed)


def _arm(config: Config, candidate: str) -> str:
    """With an underscore: it is no model that people compare."""
    return f"_{config.name}-{candidate}"


def _scored(
    config: Config, store: Store, ensemble: "Ensemble", arms: Mapping[str, Weights]
) -> Generator[Event, None, list[Candidate]]:
    """Evaluate arms on validation; returns them with their macro means."""
    yield from _evaluated(config, store, ensemble, arms, "validation")
    on_validation = _evaluation(config, arms, "validation")
    candidates = []
    for arm, weights in arms.items():
        macro = summary.macro(scores_of(on_validation, store, arm))
        if macro is None:
            raise EngineError(
                f"{config.judge} could score no prompt. Choose prompts that it understands."
            )
        candidates.append(Candidate(arm, weights, macro))
    return candidates


def _evaluated(
    config: Config, store: Store, ensemble: "Ensemble", arms: Mapping[str, Weights], split: Split
) -> Iterator[Event]:
    on_split = _evaluation(config, arms, split)
    yield from progress(evaluate.run(on_split, store, ensemble))


def _evaluation(config: Config, arms: Mapping[str, Weights], split: Split) -> evaluate.Config:
    if split == "validation":
        on_validation = evaluation(config, arms)
        return replace(on_validation, prompts=config.prompts, floor=False, ceiling=False)
    return replace(
        evaluation(config, arms),
        split=split,
        prompts=config.test_prompts,
        prompts_per_skill=config.test_prompts_per_skill,
    )


def _generation_event(config: Config, generation: int, candidates: Sequence[Candidate]) -> Event:
    gain = judges.declaration(config.judge).gain
    best, average = best_of(candidates, gain), candidates[0]
    text = (
        f"Generation {generation + 1} of {config.generations}: "
        f"best {best.score:.3f}, average {average.score:.3f}"
    )
    count = len(candidates)
    total = config.generations * config.population + 1
    return Event(text, count, total, data={"tried": count})


def _result(config: Config, store: Store, arms: Mapping[str, Weights]) -> dict[str, Any]:
    """The average and the searched weights on test, with the paired interval between them."""
    average, best = arms
    on_test = _evaluation(config, arms, "test")
    ours, theirs = scores_of(on_test, store, best), scores_of(on_test, store, average)
    difference = intervals.paired_difference(ours, theirs)
    verdict = intervals.verdict(*difference) if difference else "undecided"
    floor = summary.macro(scores_of(on_test, store, best, ".floor"))
    ceiling = report.summarise(on_test, store, CEILING).macro
    result = {"test": summary.macro(ours), "average_on_test": summary.macro(theirs)}
    bounds = {"floor": floor, "ceiling": ceiling}
    decision = {"weights": arms[best], "difference": difference, "verdict": verdict}
    return result | bounds | decision


def _last_event(result: dict[str, Any]) -> Event:
    ours, theirs = f"{result['test']:.3f}", f"{result['average_on_test']:.3f}"
    text = f"On test {ours}, the plain average {theirs}: {result['verdict']}."
    return Event(text, 1, 1, "done", result)
