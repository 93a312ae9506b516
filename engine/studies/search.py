"""Look for weights that score better than the plain average: on validation, then both once on test.

[CMA-ES](https://arxiv.org/abs/1604.00772) by `cma`, from the average on: a generation's candidates
are arms of one evaluation, painted from the same prompts and seeds. What it wins on validation it
may lose on test; both are told. Reads experts/, writes searches/<name>/tried.jsonl, result.json,
and scores/ as the evaluate stage does.
"""

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from engine import evaluate, worlds
from engine.core import names
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.store import Store, read_records, write_json, write_records
from engine.evaluate import intervals, report, summary
from engine.evaluate.planning import CEILING, model_name

if TYPE_CHECKING:
    from engine.models.ensemble import Ensemble

AVERAGE, BEST = "average", "searched"
SPLITS: tuple[Literal["validation", "test"], ...] = ("validation", "test")


@dataclass(frozen=True)
class Config:
    """What to search for, and how long."""

    experts: tuple[str, ...] = field(metadata={"help": "Whose weights"})
    name: str = field(
        default="search", metadata={"help": "Its folder, and the start of its arms' names"}
    )
    generations: int = field(
        default=6, metadata={"help": "Rounds of candidates", "range": (1, 1000), "most_in_app": 200}
    )
    population: int = field(
        default=8, metadata={"help": "Candidates a round", "range": (2, 256), "most_in_app": 64}
    )
    spread: float = field(
        default=0.2,
        metadata={
            "help": "How far the first candidates lie from the average",
            "range": (0.001, 5.0),
        },
    )
    lowest: float = field(
        default=-0.5, metadata={"help": "Bound of every weight", "range": (-10.0, 10.0)}
    )
    highest: float = field(
        default=1.5, metadata={"help": "Bound of every weight", "range": (-10.0, 10.0)}
    )
    model: str = field(
        default=worlds.usual_base(), metadata={"help": "The base: a name, a folder or a Hub id"}
    )
    revision: str | None = field(default=None, metadata={"help": "Commit or branch of a Hub id"})
    judge: str = field(default=worlds.usual_judge(), metadata={"help": "Whose score is to rise"})
    judge_options: dict[str, Any] = field(
        default_factory=dict, metadata={"help": "The judge's own options"}
    )
    skills: tuple[str, ...] = field(
        default=(), metadata={"help": "Whose prompts; none named: the world's own"}
    )
    prompts: str = field(
        default="", metadata={"help": "A JSONL file of prompts; empty: the world's frozen ones"}
    )
    test_prompts: str = field(
        default="", metadata={"help": "Other prompts than these, for the test"}
    )
    prompts_per_skill: int = field(
        default=20, metadata={"help": "On validation", "range": (2, 10_000), "most_in_app": 500}
    )
    test_prompts_per_skill: int = field(
        default=50, metadata={"help": "On test, once", "range": (2, 10_000), "most_in_app": 2_000}
    )
    guidance: float = field(default=3.5, metadata={"help": "Guidance scale", "range": (0.0, 50.0)})
    steps: int = field(default=20, metadata={"help": "Denoising steps", "range": (1, 1000)})
    seed: int = field(
        default=0, metadata={"help": "Of the candidates and of the noise", "range": (0, 2**31 - 2)}
    )


@dataclass(frozen=True, eq=False)
class Tried:
    """One candidate and its score on validation."""

    arm: str
    weights: dict[str, float]
    score: float


def run(config: Config, store: Store) -> Iterator[Event]:
    """Search, then compare on test. Scores that are there already are not measured again.

    Raises EngineError, naming the remedy, for experts and bounds that make no sense.
    """
    check(config)
    from engine.models.ensemble import Ensemble

    folder, total = (
        store.folder / "searches" / config.name,
        config.generations * config.population + 1,
    )
    score = partial(
        _score, config, store, Ensemble(config.model, config.revision, store, config.experts)
    )
    start = 1 / len(config.experts)
    average = dict.fromkeys(config.experts, start)
    tried = yield from score({f"_{config.name}-{AVERAGE}": average}, "validation")
    options = {
        "popsize": config.population,
        "seed": config.seed + 1,
        "verbose": -9,
        "bounds": [config.lowest, config.highest],
    }
    strategy = _cma().CMAEvolutionStrategy([start] * len(config.experts), config.spread, options)
    for generation in range(config.generations):
        asked = strategy.ask()
        arms = {
            f"_{config.name}-{generation}-{n}": _weights(config, point)
            for n, point in enumerate(asked)
        }
        found = yield from score(arms, "validation")
        strategy.tell(asked, [-one.score for one in found])
        tried += found
        write_records(folder / "tried.jsonl", tried)
        best = max(tried, key=lambda one: one.score)
        yield Event(
            f"Generation {generation + 1} of {config.generations}: "
            f"highest {best.score:.3f}, average {tried[0].score:.3f}",
            len(tried),
            total,
            data={"tried": len(tried)},
        )
    best = max(tried, key=lambda one: one.score)
    arms = {tried[0].arm: average, f"_{config.name}-{BEST}": best.weights}
    yield from score(arms, "test")
    yield from _told(config, store, folder, best, tried[0])


def tried_so_far(store: Store, name: str) -> list[Tried]:
    """All candidates of a search, the average first.

    Raises EngineError for a file that is no search's.
    """
    file = store.folder / "searches" / name / "tried.jsonl"
    tried = read_records(file, Tried)
    if not tried:
        return []
    first = tried[0]
    is_whole = all(one.weights.keys() == first.weights.keys() for one in tried)
    if not is_whole or not first.arm.endswith(AVERAGE):
        raise EngineError(
            f"{file} is damaged: it does not begin with the average, or its lines "
            "name different experts. Delete it and search again."
        )
    return tried


def _score(
    config: Config,
    store: Store,
    ensemble: "Ensemble",
    arms: dict[str, dict[str, float]],
    split: Literal["validation", "test"],
) -> Any:
    """Evaluate arms; returns them with their macro means."""
    evaluation = _evaluation(config, arms, split)
    for event in evaluate.run(evaluation, store, ensemble):
        yield replace(event, kind="progress")
    scale, found = config.guidance, []
    for arm, weights in arms.items():
        macro = report.summarised(evaluation, store, model_name(arm, scale)).macro
        if macro is None:
            raise EngineError(
                f"{config.judge} could score no prompt. Choose prompts that it understands."
            )
        found.append(Tried(arm, weights, macro))
    return found


def _evaluation(
    config: Config, arms: dict[str, dict[str, float]], split: Literal["validation", "test"]
) -> evaluate.Config:
    validates = split == "validation"
    count = config.prompts_per_skill if validates else config.test_prompts_per_skill
    return evaluate.Config(
        models=arms,
        model=config.model,
        revision=config.revision,
        judge=config.judge,
        judge_options=config.judge_options,
        split=split,
        skills=config.skills,
        prompts_per_skill=count,
        prompts=config.prompts if validates else config.test_prompts,
        guidances=(config.guidance,),
        steps=config.steps,
        seed=config.seed,
        keep_pictures=0,
        floor=not validates,
        ceiling=not validates,
        replace=True,
    )


def _told(
    config: Config, store: Store, folder: Path, best: Tried, average: Tried
) -> Iterator[Event]:
    """Both on test, with the paired interval."""
    searched = f"_{config.name}-{BEST}"
    evaluation = _evaluation(config, {average.arm: average.weights, searched: best.weights}, "test")
    ours, theirs = (
        summary.per_prompt(report.scores(evaluation, store, model_name(arm, config.guidance)))
        for arm in (searched, average.arm)
    )
    difference = intervals.paired(ours, theirs)
    verdict = intervals.verdict(*difference) if difference else "undecided"
    floor = summary.per_prompt(
        report.scores(evaluation, store, model_name(searched, config.guidance), ".floor")
    )
    result = {
        "floor": summary.macro(floor),
        "ceiling": report.summarised(evaluation, store, CEILING).macro,
        "weights": best.weights,
        "validation": best.score,
        "average_on_validation": average.score,
        "test": summary.macro(ours),
        "average_on_test": summary.macro(theirs),
        "difference": difference,
        "verdict": verdict,
    }
    write_json(folder / "result.json", result)
    yield Event(
        f"On test {result['test']:.3f}, the plain average {result['average_on_test']:.3f}: "
        f"{verdict}.",
        1,
        1,
        "done",
        result,
    )


def _cma() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that it cannot plot
        import cma
    return cma


def _weights(config: Config, point: Sequence[float]) -> dict[str, float]:
    """Rounded, so that a recipe's text is the whole truth."""
    return {
        name: round(float(weight), 4) for name, weight in zip(config.experts, point, strict=True)
    }


def check(config: Config) -> None:
    """Raises EngineError, naming the remedy, for what cannot be searched."""
    if len(config.experts) < 2 or len(set(config.experts)) < len(config.experts):
        raise EngineError("A search needs two experts or more, each once. Name them.")
    if (
        bool(config.prompts) != bool(config.test_prompts)
        or config.prompts == config.test_prompts != ""
    ):
        raise EngineError(
            "Prompts of your own need a second file, test_prompts, that the search "
            "never sees. Name both."
        )
    if not config.lowest < 1 / len(config.experts) < config.highest:
        raise EngineError(
            f"The average, {1 / len(config.experts):.3g} each, must lie between the bounds. "
            "Set lowest and highest around it."
        )
    names.check(config.name, "a search")
    for name in config.experts:
        names.check(name, "an expert")
    average = {AVERAGE: dict.fromkeys(config.experts, 1 / len(config.experts))}
    for split in SPLITS:
        evaluate.check(_evaluation(config, average, split))
