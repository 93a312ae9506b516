"""What a finished replicate says, small enough to keep with the source: its settings, and the score
of every prompt. No torch.

What was measured is not run again: results of one machine are carried to another by this one file
per replicate of a variant.
"""

import gzip
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from pathlib import Path

from engine.core.errors import EngineError
from engine.core.provenance import versions
from engine.core.store import Store, atomic
from engine.core.types import Score
from engine.evaluate import planning, report, summary
from engine.evaluate.intervals import PerPrompt
from engine.evaluate.planning import CEILING, model_name
from engine.models import checkpoints
from engine.studies.replicates import packing
from engine.studies.replicates.expansion import Replicate
from engine.studies.replicates.packing import Arm, Measurement
from engine.studies.replicates.settings import completed, settings_of

DIGITS = 6
DAMAGE = (TypeError, KeyError, ValueError, AttributeError, OSError, EOFError)
"""What reading a file raises that holds something else."""


def file_of(replicate: Replicate) -> Path:
    return replicate.folder.parent / "measured" / f"{replicate.folder.name}.json.gz"


def read(replicate: Replicate, shipped: Path) -> Measurement | None:
    """What these very options, models and prompts gave, here or on the machine that filled the
    folder `shipped`.

    None where nothing was measured of them. Raises EngineError for a file of another kind.
    """
    ours = settings_of(replicate)
    for file in (file_of(replicate), shipped / file_of(replicate).name):
        if not file.exists():
            continue
        measurement = _read(file)
        recorded = completed(measurement.settings, replicate)
        if checkpoints.recognised(recorded, ours) == ours:
            return measurement
    return None


def measure(replicate: Replicate) -> Measurement:
    """Read the scores of a replicate that has run, and keep what they say."""
    validation, reported = replicate.recipe.validation, replicate.report_config
    assert validation
    store = Store(replicate.folder)
    scales = report.best_guidance(validation, store) | reported.own_guidance
    arms = [_arm(replicate, store, name, scales[name]) for name in reported.models]
    skills = list(replicate.recipe.tables["skills"])
    ceiling = report.summarise(reported, store, CEILING).by_skill
    settings = settings_of(replicate)
    measurement = Measurement(settings, versions(), reported.split, skills, ceiling, arms)
    text = json.dumps(packing.pack(measurement), ensure_ascii=False, sort_keys=True) + "\n"
    with atomic(file_of(replicate)) as temporary:
        temporary.write_bytes(gzip.compress(text.encode(), mtime=0))
    return measurement


def _read(file: Path) -> Measurement:
    try:
        text = gzip.decompress(file.read_bytes())
        return packing.unpack(json.loads(text))
    except DAMAGE as error:
        names = ", ".join(field.name for field in fields(Measurement))
        raise EngineError(
            f"{file} does not hold {names} ({error}). Delete it to run the line again."
        ) from error


def _arm(replicate: Replicate, store: Store, name: str, guidance: float) -> Arm:
    """An arm at its guidance scale, and what validation said of it at every scale."""
    validation, reported = replicate.recipe.validation, replicate.report_config
    assert validation
    validated = {}
    for scale in planning.scales_of(validation, name):
        validated[scale] = report.standing(validation, store, model_name(name, scale))
    on_validation = validated.get(guidance)
    model = model_name(name, guidance)
    standing = report.standing(reported, store, model)
    skills = replicate.recipe.tables["skills"]
    learned = _of_skills(report.scores(reported, store, model), skills)
    return Arm(
        name,
        guidance,
        {f"{scale:g}": _rounded(at_scale.prompts) for scale, at_scale in validated.items()},
        _rounded(standing.prompts),
        selma=summary.summarise(learned).selma,
        exact=standing.summary.exact_by_skill,
        flagged=standing.summary.flagged,
        pictures=standing.summary.pictures,
        floor=standing.floor,
        diversity=on_validation.diversity if on_validation else None,
    )


def _of_skills(scores: Sequence[Score], skills: Collection[str]) -> list[Score]:
    return [score for score in scores if score.skill in skills]


def _rounded(prompts: PerPrompt) -> dict[str, dict[str, float]]:
    """To so many digits as are kept."""
    by_skill = {}
    for skill, values in prompts.items():
        by_skill[skill] = _rounded_values(values)
    return by_skill


def _rounded_values(values: Mapping[str, float]) -> dict[str, float]:
    return {prompt: round(value, DIGITS) for prompt, value in values.items()}
