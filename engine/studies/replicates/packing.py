"""What is measured of a replicate, and the JSON that keeps it: every prompt is named once, and the
scores of each arm stand in the order of the prompts.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from engine.evaluate import summary
from engine.evaluate.intervals import PerPrompt


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

    def learned_scores(self, skills: Sequence[str]) -> PerPrompt:
        """The scores of the skills that experts learned."""
        return _only(self.scores, skills)

    def unlearned_scores(self, skills: Sequence[str]) -> PerPrompt:
        """The scores of the sets that nobody learned."""
        return _only(self.scores, self.scores.keys() - set(skills))

    @property
    def validation(self) -> float:
        """Macro mean on validation at the chosen scale."""
        return summary.macro(self.validated.get(f"{self.guidance:g}", {})) or 0.0

    def validated_at(self, scale: str, skills: Sequence[str]) -> PerPrompt:
        """The scores on validation, of the skills that experts learned."""
        return _only(self.validated[scale], skills)


@dataclass(frozen=True)
class Measurement:
    """One replicate of a variant."""

    settings: dict[str, Any]
    """What decided it, as `settings` says."""
    versions: dict[str, str]
    split: str
    skills: list[str]
    """Those that experts learned."""
    ceiling: dict[str, float]
    arms: list[Arm]


def pack(measurement: Measurement) -> dict[str, Any]:
    """As JSON. Its settings are called `asked`, as they have been from the first file on."""
    content = asdict(measurement)
    content["asked"] = content.pop("settings")
    content["prompts"] = prompts = _prompts(measurement.arms)
    for arm in content["arms"]:
        arm["scores"] = _by_position(arm["scores"], prompts)
    return content


def unpack(content: Mapping[str, Any]) -> Measurement:
    """Raises KeyError and TypeError for what `pack` did not make."""
    values = dict(content)
    prompts = values.pop("prompts")
    settings = values.pop("asked")
    arms = []
    for arm in values.pop("arms"):
        scores = _by_prompt(arm["scores"], prompts)
        arms.append(Arm(**{**arm, "scores": scores}))
    return Measurement(settings=settings, arms=arms, **values)


def _only(scores: PerPrompt, skills: Collection[str]) -> PerPrompt:
    return {skill: values for skill, values in scores.items() if skill in skills}


def _prompts(arms: Sequence[Arm]) -> dict[str, list[str]]:
    """Skill -> every prompt that an arm has a score of, in order."""
    by_skill: dict[str, set[str]] = {}
    for arm in arms:
        for skill, values in arm.scores.items():
            by_skill.setdefault(skill, set()).update(values)
    return {skill: sorted(prompts) for skill, prompts in by_skill.items()}


def _by_position(
    scores: PerPrompt, prompts: Mapping[str, Sequence[str]]
) -> dict[str, list[float | None]]:
    """Each skill's scores in the order of its prompts, None where there is no score."""
    by_skill = {}
    for skill, of_skill in prompts.items():
        values = scores.get(skill, {})
        by_skill[skill] = list(map(values.get, of_skill))
    return by_skill


def _by_prompt(
    scores: Mapping[str, Sequence[float | None]], prompts: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, float]]:
    """The opposite; a skill without any score is left out, as it was."""
    by_skill: dict[str, dict[str, float]] = {}
    for skill, values in scores.items():
        for prompt, value in zip(prompts[skill], values, strict=True):
            if value is not None:
                by_skill.setdefault(skill, {})[prompt] = value
    return by_skill
