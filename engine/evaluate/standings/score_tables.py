"""What a run's score files say, a table for each split and judge. Files that did not change are not
read again.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from engine.core.store import METADATA, Store, read_records
from engine.core.types import Picture, Score
from engine.evaluate import score_files, standings, summary
from engine.evaluate.intervals import PerPrompt
from engine.evaluate.planning import CEILING, arm_of, model_name
from engine.evaluate.standings import BASE, Standing, units
from engine.evaluate.standings.units import Unit

PICTURES = "pictures"
VALIDATION = "validation"
DatedFile = tuple[Path, int]
"""A file with the time of its last change, 0 where it is missing."""


def tables(run: Store) -> list[str]:
    """Every split and judge that something was scored by, as "validation/<judge>"; test, which
    counts, is first.
    """
    names = set()
    for path in run.folder.glob("scores/*/*/*.jsonl"):
        if path.parent.name != PICTURES and "." not in path.stem:
            names.add(f"{path.parent.name}/{path.stem}")
    return sorted(names)


def models(run: Store, table: str) -> set[str]:
    """All that one table is about; a search's candidates begin with _ and are no models."""
    files = run.folder.glob(f"scores/[!_]*/{table}.jsonl")
    return {path.parent.parent.name for path in files}


def run_standings(run: Store, table: str) -> list[Standing]:
    """Every model of one table: the base, then by arm and guidance scale, then the ceiling."""
    ranked = sorted(models(run, table), key=_rank)
    rows = []
    for model in ranked:
        base = standings.base_of(model, ranked)
        floor = _dated(run, model, f"{table}.floor")
        base_file = None if base is None else _dated(run, base, table)
        rows.append(_standing(model, _dated(run, model, table), floor, base_file))
    return rows


def at_their_best(run: Store, table: str) -> list[Standing]:
    """Each arm at the guidance scale that validation prefers; at all of them where it cannot say.

    The choice is the pipeline's own; where the scale it would choose is not shown, it is made among
    those that are.
    """
    rows = run_standings(run, table)
    judge = table.partition("/")[2]
    scales: dict[str, list[float | None]] = defaultdict(list)
    for standing in rows:
        scales[standing.arm].append(standing.guidance)
    best = {}
    for arm, of_arm in scales.items():
        best[arm] = _best_scale(run, f"{VALIDATION}/{judge}", arm, of_arm)
    return [standing for standing in rows if best[standing.arm] in (None, standing.guidance)]


def validation_scores(run: Store, arm: str) -> PerPrompt:
    """What an arm scored on validation, by its first judge and scale; nothing without one."""
    files = validation_files(run, arm)
    if not files:
        return {}
    return summary.per_prompt(score_files.read(files[0]))


def validation_files(run: Store, arm: str) -> list[Path]:
    """An arm's scores on validation, a file for each guidance scale and judge."""
    files = sorted(run.folder.glob(f"scores/{arm}@*/{VALIDATION}/*.jsonl"))
    return [path for path in files if "." not in path.stem]


def unit_of(table: str, rows: Iterable[Standing]) -> Unit:
    """How a table's scores are written."""
    values: list[float] = []
    for standing in rows:
        for of_skill in standing.prompts.values():
            values += of_skill.values()
    judge = table.partition("/")[2]
    return units.judge_unit(judge, values)


def unread(run: Store, model: str, table: str) -> str:
    """Why the judge left a model's first unscored picture unscored; "" where all are scored."""
    for score in _scores(run, model, table):
        if score.value is None:
            return score.unscored or "no reason given"
    return ""


def pictures(
    run: Store, names: Sequence[str], table: str
) -> dict[str, list[tuple[str, Path, Score]]]:
    """Prompt -> (model, file, score) for the kept pictures of some models."""
    by_prompt: dict[str, list[tuple[str, Path, Score]]] = {}
    for model in names:
        scored = {score.key: score for score in _scores(run, model, table)}
        folder = run.pictures(model)
        for picture in read_records(folder / METADATA, Picture):
            score = scored.get((picture.prompt_id, picture.seed))
            if score:
                of_prompt = by_prompt.setdefault(picture.text, [])
                of_prompt.append((model, folder / picture.file_name, score))
    return by_prompt


def _best_scale(
    run: Store, validation: str, arm: str, scales: Sequence[float | None]
) -> float | None:
    """Among all that were validated, or else among those of them that are shown."""
    known = []
    for model in models(run, validation):
        other, scale = arm_of(model)
        if other == arm and scale is not None:
            known.append(scale)
    best = _best_among(run, validation, arm, known)
    if best in scales:
        return best
    return _best_among(run, validation, arm, [scale for scale in known if scale in scales])


def _best_among(run: Store, table: str, arm: str, scales: Sequence[float]) -> float | None:
    judged = []
    for scale in scales:
        judged.append((scale, _dated(run, model_name(arm, scale), table)))
    return _chosen(tuple(judged))


@lru_cache(256)
def _chosen(judged: tuple[tuple[float, DatedFile], ...]) -> float | None:
    scores = {}
    for scale, (file, _) in judged:
        scores[scale] = score_files.read(file)
    return standings.best_scale(scores)


@lru_cache(256)
def _standing(model: str, scored: DatedFile, floor: DatedFile, base: DatedFile | None) -> Standing:
    rival = None if base is None else score_files.read(base[0])
    return standings.standing_of(
        model, score_files.read(scored[0]), score_files.read(floor[0]), rival
    )


def _dated(run: Store, model: str, table: str) -> DatedFile:
    path = run.scores(model, table)
    return path, path.stat().st_mtime_ns if path.exists() else 0


def _scores(run: Store, model: str, table: str) -> list[Score]:
    return score_files.read(run.scores(model, table))


def _rank(model: str) -> tuple[int, str, float]:
    arm, scale = arm_of(model)
    return {BASE: 0, CEILING: 2}.get(arm, 1), arm, scale or 0.0
