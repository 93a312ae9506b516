"""What there is to paint: every guidance scale, arm, prompt and repetition, in shards that never
change.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter

from engine.core.hashing import derived_seed
from engine.core.types import Prompt
from engine.evaluate import Config, checks, prompt_sets

SCALE = re.compile(r"\d{1,9}(\.\d{1,9})?(e-\d{1,2})?")
CEILING = "ceiling"
"""The name under which drawn scenes are judged; painted models have an `@` in theirs."""


@dataclass(frozen=True)
class Row:
    """One picture to paint and judge."""

    model: str
    """The folder of its scores."""
    arm: str
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
        return self.prompt.id, self.seed


def model_name(arm: str, guidance: float) -> str:
    """The folder of an arm at a guidance scale: `merged@3.5`, `base@2`."""
    return f"{arm}@{float(guidance)!r}".removesuffix(".0")


def arm_of(model: str) -> tuple[str, float | None]:
    """A scored model's arm and guidance scale: ("merged", 3.5) of `merged@3.5`."""
    arm, _, scale = model.rpartition("@")
    is_scale = SCALE.fullmatch(scale)
    return (arm, float(scale)) if arm and is_scale else (model, None)


def rows(config: Config) -> list[Row]:
    """All pictures, by guidance scale, then arm. Raises EngineError for what cannot be compared."""
    checks.check_arms(config)
    prompts = prompt_sets.prompts_of(config)
    checks.check_readable(config.judge, prompt_sets.to_paint(config, prompts))
    planned: list[Row] = []
    for scale in sorted(_all_scales(config)):
        for arm in config.models:
            if scale not in scales_of(config, arm):
                continue
            for of_skill in prompts.values():
                planned += _rows_of_skill(config, arm, scale, of_skill)
    return planned


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


def _all_scales(config: Config) -> set[float]:
    scales: set[float] = set()
    for arm in config.models:
        scales.update(scales_of(config, arm))
    return scales


def _rows_of_skill(config: Config, arm: str, scale: float, prompts: list[Prompt]) -> list[Row]:
    others = _others(config, prompts)
    model = model_name(arm, scale)
    planned = []
    for place, prompt in enumerate(prompts[: config.prompts_per_skill]):
        for number in range(config.pictures_per_prompt):
            seed = derived_seed(config.seed, prompt.id, number)
            is_shown = number == 0 and place < config.keep_pictures
            other = others.get(prompt.id)
            planned.append(Row(model, arm, scale, prompt, other, number, seed, is_shown))
    return planned


def _others(config: Config, prompts: Sequence[Prompt]) -> dict[str, Prompt]:
    """By prompt, for the floor: the next one in an order of the whole skill drawn by the seed."""
    if not config.floor or len(prompts) < 2:
        return {}
    drawn = sorted(prompts, key=lambda prompt: derived_seed(config.seed, "floor", prompt.id))
    following = [*drawn[1:], drawn[0]]
    return {prompt.id: other for prompt, other in zip(drawn, following, strict=True)}
