"""What a run's score files say, as the Evaluate tab shows it. Files that did not change are not read again."""
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from statistics import fmean

from app import contents
from app.figures import Point
from engine.core.store import METADATA, Store, read_records
from engine.core.types import Picture, Score
from engine.evaluate import diversity, intervals, summary
from engine.evaluate import scores as score_files
from engine.evaluate.intervals import Interval
from engine.evaluate.planning import CEILING
from engine.evaluate.summary import Summary

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
    """Of the difference to the base, at the same guidance scale if it was painted there; None without one."""
    by_skill: dict[str, Point]
    diversity: float | None
    """None with a single picture a prompt."""
    floor: float | None
    """The same pictures judged by other prompts of their skills."""


def tables(run: Store) -> list[str]:
    """Every split and judge that something was scored by, as "validation/storybook"; test, which counts, is first."""
    files = [path for path in run.folder.glob("scores/*/*/*.jsonl") if path.parent.name != PICTURES]
    return sorted({f"{path.parent.name}/{path.stem}" for path in files if "." not in path.stem})


def standings(run: Store, table: str) -> list[Standing]:
    """Every model of one table, the base's first, then by arm and guidance scale, the ceiling last."""
    models = sorted({path.parent.parent.name for path in run.folder.glob(f"scores/[!_]*/{table}.jsonl")}, key=_rank)
    return [_standing(run, model, _base_of(model, models), table) for model in models]


def at_their_best(run: Store, table: str) -> list[Standing]:
    """Each arm at the guidance scale that validation prefers; at all its scales where validation cannot say."""
    shown, judge = standings(run, table), table.partition("/")[2]
    worth = {standing.model: standing.summary.macro or 0.0 for standing in standings(run, f"{VALIDATION}/{judge}")}
    known = [standing for standing in reversed(shown) if standing.model in worth]
    best = {standing.arm: standing for standing in sorted(known, key=lambda standing: worth[standing.model])}
    return [standing for standing in shown if best.get(standing.arm, standing) is standing]


def pictures(run: Store, models: Sequence[str], table: str) -> dict[str, list[tuple[str, Path, Score]]]:
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
    files = [run.folder / "scores" / name / f"{table}{suffix}.jsonl"
             for name, suffix in ((model, ""), (model, ".floor"), (base or model, ""))]
    return _measured(model, base, *((path, path.stat().st_mtime_ns if path.exists() else 0) for path in files))


@lru_cache(256)
def _measured(model: str, base: str | None, own: tuple[Path, int], floor: tuple[Path, int],
              rival: tuple[Path, int]) -> Standing:
    scores = score_files.read(own[0])
    prompts = summary.per_prompt(scores)
    difference = None
    if base is not None and base != model:
        difference = intervals.paired(prompts, summary.per_prompt(score_files.read(rival[0])))
    spread = list(diversity.spread(scores).values())
    return Standing(model, *contents.arm_of(model), summary.summarise(scores), intervals.mean(prompts), difference,
                    {skill: _point(skill, values) for skill, values in prompts.items()},
                    fmean(spread) if spread else None,
                    summary.macro(summary.per_prompt(score_files.read(floor[0]))))


def _point(skill: str, values: dict[str, float]) -> Point:
    interval = intervals.mean({skill: values})
    return Point(fmean(values.values()), interval.low, interval.high) if interval else Point(fmean(values.values()))


def _scores(run: Store, model: str, table: str) -> list[Score]:
    return score_files.read(run.folder / "scores" / model / f"{table}.jsonl")


def _rank(model: str) -> tuple[int, str, float]:
    arm, scale = contents.arm_of(model)
    return {"base": 0, CEILING: 2}.get(arm, 1), arm, scale or 0.0


def _base_of(model: str, models: Sequence[str]) -> str | None:
    arm, scale = contents.arm_of(model)
    if arm in ("base", CEILING):
        return None
    rivals = [other for other in models if contents.arm_of(other)[0] == "base"]
    return next((other for other in rivals if contents.arm_of(other)[1] == scale), next(iter(rivals), None))
