"""What a run's score files say, as the Evaluate tab shows it. Files that did not change are not
read again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from statistics import fmean

from app.show.charts import Point
from engine.core.store import METADATA, Store, read_records
from engine.core.types import Picture, Score
from engine.evaluate import diversity, intervals, report, summary, units
from engine.evaluate import scores as score_files
from engine.evaluate.intervals import Interval, PerPrompt
from engine.evaluate.planning import CEILING, model_name
from engine.evaluate.summary import Summary
from engine.evaluate.units import Unit
from engine.runs import contents

PICTURES = "pictures"
VALIDATION = "validation"


@dataclass(frozen=True)
class Standing:
    """One arm at one guidance scale before one judge."""

    model: str
    arm: str
    guidance: float | None
    summary: Summary
    mean: Interval | None
    """Of the mean over skills."""
    against_base: Interval | None
    """Of the difference to the base, at the same guidance scale if it was painted there; None
    without one.
    """
    by_skill: dict[str, Point]
    diversity: float | None
    """None with a single picture a prompt."""
    floor: float | None
    """The same pictures judged by other prompts of their skills."""
    prompts: PerPrompt = field(default_factory=dict)
    """What it scored, prompt by prompt."""


def tables(run: Store) -> list[str]:
    """Every split and judge that something was scored by, as "validation/<judge>"; test, which
    counts, is first.
    """
    files = [path for path in run.folder.glob("scores/*/*/*.jsonl") if path.parent.name != PICTURES]
    return sorted({f"{path.parent.name}/{path.stem}" for path in files if "." not in path.stem})


def standings(run: Store, table: str) -> list[Standing]:
    """Every model of one table, the base's first, then by arm and guidance scale, the ceiling last."""
    models = sorted(_models(run, table), key=_rank)
    return [_standing(run, model, _base_of(model, models), table) for model in models]


def at_their_best(run: Store, table: str) -> list[Standing]:
    """Each arm at the guidance scale that validation prefers; at all of them where it cannot say.

    The choice is the pipeline's own; where the scale it would choose is not shown, it is made among
    those that are.
    """
    shown, validation = standings(run, table), f"{VALIDATION}/{table.partition('/')[2]}"
    validated = [*map(contents.arm_of, _models(run, validation))]
    best = {}
    for arm in {standing.arm for standing in shown}:
        known = [scale for other, scale in validated if other == arm and scale is not None]
        tested = [standing.guidance for standing in shown if standing.arm == arm]
        chosen = _best_scale(run, validation, arm, known)
        if chosen not in tested:
            chosen = _best_scale(
                run, validation, arm, [scale for scale in known if scale in tested]
            )
        best[arm] = chosen
    return [standing for standing in shown if best[standing.arm] in (None, standing.guidance)]


def _best_scale(run: Store, table: str, arm: str, scales: Sequence[float]) -> float | None:
    files = [run.folder / "scores" / model_name(arm, scale) / f"{table}.jsonl" for scale in scales]
    times = (file.stat().st_mtime_ns for file in files)
    return _chosen(*zip(scales, files, times, strict=True))


@lru_cache(256)
def _chosen(*judged: tuple[float, Path, int]) -> float | None:
    return report.best_scale({scale: score_files.read(file) for scale, file, _ in judged})


def validated(run: Store, arm: str) -> PerPrompt:
    """What an arm scored on validation, by its first judge and scale; nothing without one."""
    files = validation_files(run, arm)
    return summary.per_prompt(score_files.read(files[0])) if files else {}


def validation_files(run: Store, arm: str) -> list[Path]:
    """An arm's scores on validation, a file a guidance scale and judge."""
    found = sorted(run.folder.glob(f"scores/{arm}@*/{VALIDATION}/*.jsonl"))
    return [path for path in found if "." not in path.stem]


def unit_of(table: str, shown: Iterable[Standing]) -> Unit:
    """How a table's scores are written."""
    judge = table.partition("/")[2]
    by_skill = [of_skill for standing in shown for of_skill in standing.prompts.values()]
    return units.of(judge, (value for of_skill in by_skill for value in of_skill.values()))


def unread(run: Store, model: str, table: str) -> str:
    """Why the judge left a model's first unscored picture unscored; "" where all are scored."""
    found = (score for score in _scores(run, model, table) if score.value is None)
    return str(next((score.evidence.get("unscored", "no reason given") for score in found), ""))


def pictures(
    run: Store, models: Sequence[str], table: str
) -> dict[str, list[tuple[str, Path, Score]]]:
    """Prompt -> (model, file, score) for the pictures that were kept of those the table is about."""
    found: dict[str, list[tuple[str, Path, Score]]] = {}
    for model in models:
        scored = {(s.prompt_id, s.seed): s for s in _scores(run, model, table)}
        for picture in read_records(run.pictures(model) / METADATA, Picture):
            if score := scored.get((picture.prompt_id, picture.seed)):
                entry = (model, run.pictures(model) / picture.file_name, score)
                found.setdefault(picture.text, []).append(entry)
    return found


def _standing(run: Store, model: str, base: str | None, table: str) -> Standing:
    files = [
        run.folder / "scores" / name / f"{table}{suffix}.jsonl"
        for name, suffix in ((model, ""), (model, ".floor"), (base or model, ""))
    ]
    return _measured(
        model, base, *((path, path.stat().st_mtime_ns if path.exists() else 0) for path in files)
    )


@lru_cache(256)
def _measured(
    model: str,
    base: str | None,
    own: tuple[Path, int],
    floor: tuple[Path, int],
    rival: tuple[Path, int],
) -> Standing:
    scores = score_files.read(own[0])
    prompts = summary.per_prompt(scores)
    difference = None
    if base is not None and base != model:
        difference = intervals.paired(prompts, summary.per_prompt(score_files.read(rival[0])))
    spread = list(diversity.spread(scores).values())
    return Standing(
        model,
        *contents.arm_of(model),
        summary.summarise(scores),
        intervals.mean(prompts),
        difference,
        {skill: _point(skill, values) for skill, values in prompts.items()},
        fmean(spread) if spread else None,
        summary.macro(summary.per_prompt(score_files.read(floor[0]))),
        prompts,
    )


def _point(skill: str, values: dict[str, float]) -> Point:
    interval = intervals.mean({skill: values})
    return (
        Point(fmean(values.values()), interval.low, interval.high)
        if interval
        else Point(fmean(values.values()))
    )


def _scores(run: Store, model: str, table: str) -> list[Score]:
    return score_files.read(run.folder / "scores" / model / f"{table}.jsonl")


def _models(run: Store, table: str) -> set[str]:
    """All that one table is about; a search's candidates begin with _ and are no models."""
    return {path.parent.parent.name for path in run.folder.glob(f"scores/[!_]*/{table}.jsonl")}


def _rank(model: str) -> tuple[int, str, float]:
    arm, scale = contents.arm_of(model)
    return {"base": 0, CEILING: 2}.get(arm, 1), arm, scale or 0.0


def _base_of(model: str, models: Sequence[str]) -> str | None:
    arm, scale = contents.arm_of(model)
    if arm in ("base", CEILING):
        return None
    rivals = [other for other in models if contents.arm_of(other)[0] == "base"]
    return next(
        (other for other in rivals if contents.arm_of(other)[1] == scale), next(iter(rivals), None)
    )
