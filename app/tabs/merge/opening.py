"""What the merge tab shows first: the prompt on which the run's merge gains most.

It was chosen for showing a gain, so the page says so, and says what the mean over all prompts is.
Of validation only: prompts that a result is reported on choose nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from app.show import markup
from app.tabs.merge import sliders
from engine import runs, worlds
from engine.core.store import Store, read_records
from engine.core.types import Score
from engine.evaluate import intervals, planning, standings, summary
from engine.evaluate.standings import score_tables, units
from engine.evaluate.standings.units import Unit
from engine.runs import contents
from engine.runs.preview import USUAL_GUIDANCE

EXAMPLE = worlds.usual().EXAMPLE
"""What stands in the box before a run is open."""
LEAST_GUIDANCE, MOST_GUIDANCE = 1.0, 8.0
"""Of the slider; a scale beyond that makes it longer."""
METHOD, OPTIONS = "average", {"strength": 1.0}
"""Where the sliders start; with every expert at the same weight."""


@dataclass(frozen=True)
class Opening:
    """What is painted until somebody asks for something else."""

    prompt: str = EXAMPLE
    seed: int = 1
    guidance: float = USUAL_GUIDANCE
    told: str = ""
    """Why it is this one; "" where nothing was measured."""


@dataclass(frozen=True)
class Gain:
    """One picture of the merge and the base's of the same prompt and seed."""

    base: Score
    merged: Score

    @property
    def value(self) -> float:
        return (self.merged.value or 0.0) - (self.base.value or 0.0)


def of(run: Store, experts: Sequence[str]) -> Opening:
    """The run's own, where its merge of all experts was judged beside the base on validation."""
    world = contents.world(run)
    unmeasured = Opening(world.EXAMPLE, guidance=world.GUIDANCE)
    found = _files(run, experts)
    if found is None:
        return unmeasured
    ours, theirs = (read_records(path, Score) for path in found)
    scale = planning.arm_of(found[0].parent.parent.name)[1] or USUAL_GUIDANCE
    base = {(s.prompt_id, s.seed): s for s in theirs if s.value is not None}
    gains = [
        Gain(base[s.prompt_id, s.seed], s)
        for s in ours
        if s.value is not None and (s.prompt_id, s.seed) in base and s.text
    ]
    if not gains:
        return unmeasured
    unit = units.of(found[0].stem, (s.value for gain in gains for s in (gain.base, gain.merged)))
    mean = _mean(ours, theirs, unit, len({gain.merged.prompt_id for gain in gains}))
    most = max(gains, key=lambda gain: gain.value)
    if most.value <= 0:
        told = f"There is no validation prompt on which this merge gains. {mean}"
        return Opening(world.EXAMPLE, guidance=scale, told=told)
    text, was, became = most.merged.text, most.base.value, most.merged.value
    return Opening(
        text,
        most.merged.seed,
        scale,
        (
            f"“{text}” stands here first because it shows the largest gain of this merge on "
            f"validation, from {unit.alone(was or 0.0)} to {unit.alone(became or 0.0)}. {mean}"
        ),
    )


def shown(run: str, experts: Sequence[str], prompt: str, begun: str) -> list[Any]:
    """Prompt, noise, guidance, what is said of them, the prompt again; what people wrote stays."""
    first = of(runs.open_store(run), experts)
    told = markup.aside(first.told) if first.told else ""
    if prompt not in ("", begun):
        return [gr.skip(), gr.skip(), gr.skip(), told, gr.skip()]
    scale = sliders.at(first.guidance, LEAST_GUIDANCE, MOST_GUIDANCE)
    return [first.prompt, first.seed, scale, told, first.prompt]


def _mean(ours: Sequence[Score], theirs: Sequence[Score], unit: Unit, count: int) -> str:
    """What the merge is worth over all prompts, in a sentence."""
    difference = intervals.paired(summary.per_prompt(ours), summary.per_prompt(theirs))
    if difference is None:
        return "There are too few prompts to say what it is worth on others."
    verdict = unit.verdict(difference)
    return (
        f"Over all {count} validation prompts the mean difference is "
        f"{unit.between(difference)}: {verdict}."
    )


def _files(run: Store, experts: Sequence[str]) -> tuple[Path, Path] | None:
    """Scores of the merge that the sliders start at, and of the base, nearest to usual guidance."""
    merges = [
        name
        for name in contents.summary(run).merges
        if _is_first(contents.recipe(run.merge(name)), experts)
    ]
    found = []
    for path in (path for name in merges for path in score_tables.validation_files(run, name)):
        model = path.parent.parent.name
        scale = planning.arm_of(model)[1] or USUAL_GUIDANCE
        table = f"{path.parent.name}/{path.stem}"
        base = standings.base_of(model, sorted(score_tables.models(run, table)))
        if base is not None and planning.arm_of(base)[1] == planning.arm_of(model)[1]:
            rival = run.scores(base, table)
            found.append((abs(scale - USUAL_GUIDANCE), path, rival))
    return min(found)[1:] if found else None


def _is_first(made: dict, experts: Sequence[str]) -> bool:
    """Whether the merge is what the sliders show before anybody moves them."""
    weights = made.get("experts") or {}
    as_begun = (made.get("method"), made.get("options")) == (METHOD, OPTIONS)
    are_equal = len(set(weights.values())) == 1 and all(weights.values())
    return as_begun and are_equal and set(weights) == set(experts)
