"""What is painted first of a run: the prompt on which its merge gains most.

It is chosen for showing a gain, so its reason says so, and what the mean over all prompts is.
Of validation only: prompts that a result is reported on choose nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from engine import worlds
from engine.core.store import Store, read_records
from engine.core.types import Score
from engine.evaluate import intervals, planning, standings, summary
from engine.evaluate.standings import score_tables, units
from engine.evaluate.standings.units import Unit
from engine.merge import records
from engine.merge.presets import MEAN
from engine.runs import contents
from engine.runs.preview import USUAL_GUIDANCE

EXAMPLE = worlds.usual().EXAMPLE
"""What is painted before a run is open."""
METHOD = MEAN
"""The merge that is painted first, with every expert at the same weight."""


@dataclass(frozen=True)
class Opening:
    """What is painted until somebody wants something else."""

    prompt: str = EXAMPLE
    seed: int = 1
    guidance: float = USUAL_GUIDANCE
    reason: str = ""
    """Why it is this one; "" where nothing was measured."""


class Gain(NamedTuple):
    """One picture of the merge and the base's of the same prompt and seed."""

    base: Score
    merge: Score

    @property
    def value(self) -> float:
        return (self.merge.value or 0.0) - (self.base.value or 0.0)


class ScoreFiles(NamedTuple):
    """Scores of the merge and of the base on validation, at the same guidance scale."""

    merge: Path
    base: Path


def choose(run: Store, experts: Sequence[str]) -> Opening:
    """The run's own, where its merge of all experts was judged beside the base on validation.

    Before that it is the example of the run's world.
    """
    world = contents.world(run)
    unmeasured = Opening(world.EXAMPLE, guidance=world.GUIDANCE)
    files = _files(run, experts)
    if files is None:
        return unmeasured
    merge, base = read_records(files.merge, Score), read_records(files.base, Score)
    gains = _gains(merge, base)
    if not gains:
        return unmeasured
    unit = _unit(files.merge.stem, gains)
    prompts = {gain.merge.prompt_id for gain in gains}
    difference = intervals.paired_difference(summary.per_prompt(merge), summary.per_prompt(base))
    mean = _mean(difference, unit, len(prompts))
    largest = max(gains, key=lambda gain: gain.value)
    guidance = _guidance(files.merge)
    if largest.value <= 0:
        reason = f"There is no validation prompt on which this merge gains. {mean}"
        return Opening(world.EXAMPLE, guidance=guidance, reason=reason)
    reason = f"{_why(largest, unit)} {mean}"
    return Opening(largest.merge.text, largest.merge.seed, guidance, reason)


def _gains(merge: Sequence[Score], base: Sequence[Score]) -> list[Gain]:
    """Of every prompt with a text that both were scored on."""
    base_scores = {}
    for score in base:
        if score.value is not None:
            base_scores[score.prompt_id, score.seed] = score
    gains = []
    for score in merge:
        rival = base_scores.get((score.prompt_id, score.seed))
        if rival and score.value is not None and score.text:
            gains.append(Gain(rival, score))
    return gains


def _unit(judge: str, gains: Sequence[Gain]) -> Unit:
    values = []
    for gain in gains:
        values += [gain.base.value, gain.merge.value]
    return units.judge_unit(judge, values)


def _why(gain: Gain, unit: Unit) -> str:
    before, after = unit.alone(gain.base.value or 0.0), unit.alone(gain.merge.value or 0.0)
    return (
        f"“{gain.merge.text}” stands here first because it shows the largest gain of this merge on "
        f"validation, from {before} to {after}."
    )


def _mean(difference: intervals.Interval | None, unit: Unit, prompts: int) -> str:
    """What the merge is worth over all prompts, in a sentence."""
    if difference is None:
        return "There are too few prompts to say what it is worth on others."
    verdict = unit.verdict(difference)
    return (
        f"Over all {prompts} validation prompts the mean difference is "
        f"{unit.interval_text(difference)}: {verdict}."
    )


def _files(run: Store, experts: Sequence[str]) -> ScoreFiles | None:
    """Scores of the first merge, and of the base, at the guidance scale nearest to the usual."""
    candidates = []
    for merge in contents.summary(run).merges:
        if not _is_first(contents.recipe(run.merge(merge)), experts):
            continue
        for path in score_tables.validation_files(run, merge):
            base = _base_file(run, path)
            if base:
                distance = abs(_guidance(path) - USUAL_GUIDANCE)
                candidates.append((distance, ScoreFiles(path, base)))
    if not candidates:
        return None
    _, nearest = min(candidates)
    return nearest


def _base_file(run: Store, file: Path) -> Path | None:
    """The base's scores by the same judge, if there are any at the same guidance scale."""
    model, table = file.parent.parent.name, f"{file.parent.name}/{file.stem}"
    base = standings.base_of(model, sorted(score_tables.models(run, table)))
    if base is None:
        return None
    (_, scale), (_, base_scale) = planning.arm_of(model), planning.arm_of(base)
    return run.scores(base, table) if scale == base_scale else None


def _guidance(file: Path) -> float:
    _, scale = planning.arm_of(file.parent.parent.name)
    return scale or USUAL_GUIDANCE


def _is_first(recipe: dict, experts: Sequence[str]) -> bool:
    """Whether a merge is the one that is painted first."""
    weights = recipe.get("experts") or {}
    if records.method_of(recipe) != METHOD:
        return False
    are_equal = len(set(weights.values())) == 1 and all(weights.values())
    return are_equal and set(weights) == set(experts)
