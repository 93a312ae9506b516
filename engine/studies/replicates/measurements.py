"""What a finished line said, small enough to keep with the source: settings, and the score of every
prompt. No torch.

A line that was measured is not run again: results of one machine are carried to another by this one
file a line.
"""

import gzip
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import fmean
from typing import Any

from engine import recipes
from engine.core import options, plugins
from engine.core.config import build
from engine.core.errors import EngineError
from engine.core.provenance import versions
from engine.core.store import Store, atomic
from engine.core.types import Score
from engine.evaluate import diversity, planning, prompt_sets, report, standings, summary
from engine.evaluate.intervals import PerPrompt
from engine.evaluate.planning import CEILING, model_name
from engine.models import checkpoints
from engine.prompts import writers
from engine.studies.replicates.expansion import Planned

DIGITS = 6


@dataclass(frozen=True)
class Arm:
    """One arm in one replicate, at the guidance scale that validation chose."""

    name: str
    guidance: float
    validated: dict[str, dict[str, dict[str, float]]]
    """Scale -> skill -> prompt id -> DSG on validation by the reference rule."""
    scores: dict[str, dict[str, float]]
    """Skill -> prompt id -> DSG by the reference rule."""
    selma: float | None
    """DSG by SELMA's rule, over the skills that experts learned."""
    exact: dict[str, float]
    flagged: float | None
    pictures: int
    floor: float | None
    diversity: float | None

    def of(self, skills: Sequence[str], learned: bool = True) -> PerPrompt:
        """The scores of the skills that experts learned, or of the sets that nobody did."""
        return {
            skill: values for skill, values in self.scores.items() if (skill in skills) == learned
        }

    @property
    def validation(self) -> float:
        """Macro mean on validation at the chosen scale."""
        return summary.macro(self.validated.get(f"{self.guidance:g}", {})) or 0.0

    def validated_at(self, scale: str, skills: Sequence[str]) -> PerPrompt:
        """The scores on validation, of the skills that experts learned."""
        return {skill: values for skill, values in self.validated[scale].items() if skill in skills}


@dataclass(frozen=True)
class Measured:
    """One replicate of a line."""

    asked: dict[str, Any]
    """Every option of every stage, the line's own, and the hashes of the models and prompts that
    they name.
    """
    versions: dict[str, str]
    split: str
    skills: list[str]
    """Those that experts learned."""
    ceiling: dict[str, float]
    arms: list[Arm]


def file_of(one: Planned) -> Path:
    return one.folder.parent / "measured" / f"{one.folder.name}.json.gz"


def read(one: Planned, shipped: Path) -> Measured | None:
    """What these very options, models and prompts gave, here or on the machine that filled the
    folder `shipped`.

    None where nothing was measured of them. Raises EngineError for a file of another kind.
    """
    asked = _asked(one)
    for file in (file_of(one), shipped / file_of(one).name):
        if file.exists():
            try:
                found = _unpacked(json.loads(gzip.decompress(file.read_bytes())))
            except (TypeError, KeyError, ValueError, AttributeError, OSError, EOFError) as error:
                names = ", ".join(field.name for field in fields(Measured))
                raise EngineError(
                    f"{file} does not hold {names} ({error}). Delete it to run the line again."
                ) from error
            if checkpoints.recognised(_completed(found.asked, one), asked) == asked:
                return found
    return None


def measure(one: Planned) -> Measured:
    """Read the scores of a line that has run, and keep what they say."""
    validation, reported, store = one.recipe.validation, one.reported, Store(one.folder)
    assert validation
    scales = report.best_guidance(validation, store) | reported.own_guidance
    found = Measured(
        _asked(one),
        versions(),
        reported.split,
        list(one.recipe.tables["skills"]),
        report.summarised(reported, store, CEILING).by_skill,
        [_arm(one, name, scales[name]) for name in reported.models],
    )
    text = json.dumps(_packed(found), ensure_ascii=False, sort_keys=True) + "\n"
    with atomic(file_of(one)) as temporary:
        temporary.write_bytes(gzip.compress(text.encode(), mtime=0))
    return found


def _packed(found: Measured) -> dict[str, Any]:
    """As JSON, with the prompts named once for all arms."""
    prompts: dict[str, list[str]] = {}
    for arm in found.arms:
        for skill, values in arm.scores.items():
            prompts[skill] = sorted({*prompts.get(skill, ()), *values})
    arms = [
        {
            **asdict(arm),
            "scores": {
                skill: [arm.scores.get(skill, {}).get(prompt) for prompt in ids]
                for skill, ids in prompts.items()
            },
        }
        for arm in found.arms
    ]
    return {**asdict(found), "prompts": prompts, "arms": arms}


def _unpacked(told: dict[str, Any]) -> Measured:
    """Raises KeyError and TypeError for what `_packed` did not make."""
    prompts, arms = told["prompts"], []
    for arm in told["arms"]:
        scores = {
            skill: {
                prompt: value
                for prompt, value in zip(prompts[skill], values, strict=True)
                if value is not None
            }
            for skill, values in arm["scores"].items()
        }
        arms.append(
            Arm(**{**arm, "scores": {skill: values for skill, values in scores.items() if values}})
        )
    return Measured(
        **{**{name: value for name, value in told.items() if name != "prompts"}, "arms": arms}
    )


def _arm(one: Planned, name: str, guidance: float) -> Arm:
    validation, reported, store = one.recipe.validation, one.reported, Store(one.folder)
    assert validation
    model = model_name(name, guidance)
    judged = {
        scale: report.scores(validation, store, model_name(name, scale))
        for scale in planning.scales_of(validation, name)
    }
    scores = report.scores(reported, store, model)
    floor = report.scores(reported, store, model, ".floor")
    said = standings.of(model, scores, floor, None)
    spread = diversity.spread(judged.get(guidance, [])).values()
    of_skills = [score for score in scores if score.skill in one.recipe.tables["skills"]]
    validated = {f"{scale:g}": _rounded(of_scale) for scale, of_scale in judged.items()}
    return Arm(
        name,
        guidance,
        validated,
        _rounded(scores),
        summary.summarise(of_skills).selma,
        said.summary.exact_by_skill,
        said.summary.flagged,
        said.summary.pictures,
        said.floor,
        fmean(spread) if spread else None,
    )


def _rounded(scores: Sequence[Score]) -> dict[str, dict[str, float]]:
    return {
        skill: {prompt: round(value, DIGITS) for prompt, value in values.items()}
        for skill, values in summary.per_prompt(scores).items()
    }


def _completed(asked: dict[str, Any], one: Planned) -> dict[str, Any]:
    """What was asked for, with the defaults of options that are newer than the file."""
    kinds = {
        name: type(config)
        for name in (*recipes.STAGES, *recipes.SPLITS)
        if (config := getattr(one.recipe, name, None))
    }
    if one.recipe.prompts:
        kinds["writer"] = plugins.load(writers, one.recipe.prompts.writer).Config
    older = {
        name: {**options.defaults(kind), **asked[name]}
        for name, kind in kinds.items()
        if isinstance(asked.get(name), dict)
    }
    return json.loads(json.dumps({**asked, **older}))


def _asked(one: Planned) -> dict[str, Any]:
    recipe, line = one.recipe, one.line
    stages = {
        name: asdict(config)
        for name in (*recipes.STAGES, *recipes.SPLITS)
        if (config := getattr(recipe, name, None))
    }
    models = {one.reported.model: one.reported.revision}
    if recipe.images:
        models |= {recipe.images.model: recipe.images.revision}
    hashes = {
        model: checkpoints.fingerprint(checkpoints.pipeline_folder(model, revision))
        for model, revision in models.items()
    }
    if recipe.prompts:
        plugin = plugins.load(writers, recipe.prompts.writer)
        stages["writer"] = asdict(build(plugin.Config, recipe.prompts.writer_options))
        if sha256 := checkpoints.local_fingerprint(stages["writer"]["model"]):
            hashes["writer"] = sha256
    for name, config in (("validation", recipe.validation), ("test", recipe.test)):
        if config:
            hashes[name] = prompt_sets.prompts_sha256(prompt_sets.prompts_of(config))
    told = {
        "line": {"noisy scenes": line.noisy_scenes, "shares prompts of": line.share_prompts},
        "sha256": hashes,
    }
    return json.loads(json.dumps({**stages, **told}))
