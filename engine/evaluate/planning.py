"""What there is to paint: every guidance scale, arm, prompt and repetition, in shards that never
change.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from math import isfinite
from operator import attrgetter

from engine.core import names, weights
from engine.core.errors import EngineError
from engine.core.hashing import derived_seed
from engine.core.types import Prompt
from engine.evaluate import Config
from engine.evaluate.prompt_sets import Prompts

ARM = re.compile(r"\w[\w.+-]*")
MOST_GUIDANCE = 100
MOST_ARM_CHARACTERS = 100
"""A search's and a leave-one-out's arms hold the name of a search or an expert, and some more."""
SCALE = re.compile(r"\d{1,9}(\.\d{1,9})?(e-\d{1,2})?")
CEILING = "ceiling"
"""The name under which drawn scenes are judged; painted models have an `@` in theirs."""


@dataclass(frozen=True)
class Row:
    """One picture to paint and judge."""

    model: str
    """The folder of its scores."""
    mix: Mapping[str, float] = field(hash=False)
    """The arm's experts that count, with their weights."""
    guidance: float
    prompt: Prompt
    other: Prompt | None
    """Another prompt of the skill, for the floor; None where there is no other."""
    number: int
    """Counts the pictures of one prompt from 0."""
    seed: int
    is_shown: bool
    """Whether the picture stays beside the scores, to be looked at and voted on."""

    @property
    def key(self) -> tuple[str, int]:
        """Which picture of its model this is."""
        return self.prompt.id, self.seed


def model_name(arm: str, guidance: float) -> str:
    """The folder of an arm at a guidance scale: `merged@3.5`, `base@2`."""
    return f"{arm}@{float(guidance)!r}".removesuffix(".0")


def arm_of(model: str) -> tuple[str, float | None]:
    """A scored model's arm and guidance scale: ("merged", 3.5) of `merged@3.5`."""
    arm, _, scale = model.rpartition("@")
    is_scale = SCALE.fullmatch(scale)
    return (arm, float(scale)) if arm and is_scale else (model, None)


def check_arms(config: Config) -> None:
    """Raises EngineError for names, weights and guidance scales that are none."""
    if not config.models or not config.guidances:
        raise EngineError(
            "There is nothing to compare. Name at least one model and one guidance scale."
        )
    for arm, mix in config.models.items():
        _check_arm(arm, mix)
    for arm in config.own_guidance:
        if arm not in config.models:
            known = ", ".join(config.models)
            raise EngineError(
                f"{arm!r} has a guidance scale of its own but is no model here. "
                f"Choose from {known}."
            )
    for scale in (*config.guidances, *config.own_guidance.values()):
        _check_scale(scale)


def rows(config: Config, prompts: Prompts) -> list[Row]:
    """All pictures of the arms, by guidance scale, then arm."""
    others: dict[str, Prompt] = {}
    if config.floor:
        for of_skill in prompts.values():
            others |= _others(config.seed, of_skill)
    planned: list[Row] = []
    for scale in sorted(_all_scales(config)):
        for arm in config.models:
            if scale in scales_of(config, arm):
                planned += _rows_of_arm(config, arm, scale, prompts, others)
    return planned


def ceiling_rows(prompts: Prompts, prompts_per_skill: int) -> list[Row]:
    """A drawn scene for each prompt.

    The scenes are the same whatever the evaluation's seed: no painter's noise is in them.
    """
    planned = []
    for of_skill in prompts.values():
        for prompt in of_skill[:prompts_per_skill]:
            seed = derived_seed(0, CEILING, prompt.id)
            planned.append(Row(CEILING, {}, 0.0, prompt, None, number=0, seed=seed, is_shown=False))
    return planned


def mix_of(config: Config, arm: str) -> dict[str, float]:
    """An arm's experts that count, with their weights."""
    return {name: weight for name, weight in config.models[arm].items() if weight}


def experts_of(rows: Sequence[Row]) -> set[str]:
    """All that some picture is painted with."""
    experts: set[str] = set()
    for row in rows:
        experts.update(row.mix)
    return experts


def scales_of(config: Config, arm: str) -> tuple[float, ...]:
    """The guidance scales an arm is painted at, each once."""
    if arm in config.own_guidance:
        return (config.own_guidance[arm],)
    return tuple(dict.fromkeys(config.guidances))


def shards(planned: Sequence[Row], batch_size: int) -> list[list[Row]]:
    """Batches within one guidance scale; arms may share one."""
    parts: list[list[Row]] = []
    for _, of_scale in groupby(planned, attrgetter("guidance")):
        parts += _batches(list(of_scale), batch_size)
    return parts


def _batches(planned: list[Row], size: int) -> list[list[Row]]:
    return [planned[start : start + size] for start in range(0, len(planned), size)]


def _check_arm(arm: str, mix: object) -> None:
    if not ARM.fullmatch(arm):
        raise EngineError(f"{arm[:80]!r} cannot name a model. Use letters, digits and dashes.")
    names.check_file(arm, "a model", MOST_ARM_CHARACTERS)
    if not isinstance(mix, Mapping):
        raise EngineError(f"{arm} is {mix!r}. Give it its experts' weights, {{}} for the base.")
    weights.check(mix, arm)


def _check_scale(scale: object) -> None:
    if isinstance(scale, int | float) and not isinstance(scale, bool):
        if isfinite(scale) and 0 <= scale <= MOST_GUIDANCE:
            return
    raise EngineError(
        f"Guidance {scale!r} is no scale. Choose numbers of 1 (none) or "
        f"more, {MOST_GUIDANCE} at most."
    )


def _all_scales(config: Config) -> set[float]:
    scales: set[float] = set()
    for arm in config.models:
        scales.update(scales_of(config, arm))
    return scales


def _rows_of_arm(
    config: Config, arm: str, scale: float, prompts: Prompts, others: Mapping[str, Prompt]
) -> list[Row]:
    model, mix = model_name(arm, scale), mix_of(config, arm)
    planned = []
    for of_skill in prompts.values():
        for place, prompt in enumerate(of_skill[: config.prompts_per_skill]):
            for number in range(config.pictures_per_prompt):
                seed = derived_seed(config.seed, prompt.id, number)
                is_shown = number == 0 and place < config.keep_pictures
                other = others.get(prompt.id)
                planned.append(Row(model, mix, scale, prompt, other, number, seed, is_shown))
    return planned


def _others(seed: int, prompts: Sequence[Prompt]) -> dict[str, Prompt]:
    """By prompt, for the floor: the next one in an order of the whole skill drawn by the seed."""
    if len(prompts) < 2:
        return {}
    drawn = sorted(prompts, key=lambda prompt: derived_seed(seed, "floor", prompt.id))
    following = [*drawn[1:], drawn[0]]
    return {prompt.id: other for prompt, other in zip(drawn, following, strict=True)}
