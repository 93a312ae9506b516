"""What there is to paint: every guidance scale, arm, prompt and repetition, in shards that never
change.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from math import isfinite
from pathlib import Path

from engine import judges, worlds
from engine.core import names, plugins, prompt_files, texts, weights
from engine.core.config import build
from engine.core.errors import EngineError
from engine.core.files import path_of
from engine.core.misfits import shortened
from engine.core.recipe import derived_seed
from engine.core.types import Prompt
from engine.evaluate import Config, readability
from engine.models import checkpoints

ARM = re.compile(r"\w[\w.+-]*")
LINE = "write a line of id, skill and text for each prompt"
MOST_GUIDANCE = 100
MOST_ARM_CHARACTERS = 100
"""A search's and a leave-one-out's arms hold the name of a search or an expert, and some more."""
CEILING = "ceiling"
"""The name under which drawn scenes are judged; painted models have an `@` in theirs."""

PROMPTS_OF = "prompts of "
"""In a recipe, before the name of each skill that was asked for: the hash of its prompts."""


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
    kept: bool

    @property
    def key(self) -> tuple[str, int]:
        return self.prompt.id, self.seed


def model_name(arm: str, guidance: float) -> str:
    """The folder of an arm at a guidance scale: `merged@3.5`, `base@2`."""
    return f"{arm}@{float(guidance)!r}".removesuffix(".0")


def rows(config: Config) -> list[Row]:
    """All pictures, by guidance scale, then arm. Raises EngineError for what cannot be compared."""
    check_arms(config)
    prompts = prompts_of(config)
    asked = [p for of_skill in prompts.values() for p in of_skill[: config.prompts_per_skill]]
    readability.check(config.judge, asked)
    scales = sorted({scale for arm in config.models for scale in scales_of(config, arm)})
    arms = [
        (arm, scale) for scale in scales for arm in config.models if scale in scales_of(config, arm)
    ]
    return [
        Row(
            model_name(arm, scale),
            arm,
            scale,
            prompt,
            other,
            number,
            seed=derived_seed(config.seed, prompt.id, number),
            kept=number == 0 and place < config.keep_pictures,
        )
        for arm, scale in arms
        for of_skill in prompts.values()
        for place, (prompt, other) in enumerate(
            _partners(of_skill, config)[: config.prompts_per_skill]
        )
        for number in range(config.pictures_per_prompt)
    ]


def scales_of(config: Config, arm: str) -> tuple[float, ...]:
    """The guidance scales an arm is painted at, each once."""
    return (
        (config.own_guidance[arm],)
        if arm in config.own_guidance
        else tuple(dict.fromkeys(config.guidances))
    )


def shards(planned: Sequence[Row], batch_size: int) -> list[list[Row]]:
    """Batches within one guidance scale; arms may share one."""
    found = []
    for _, group in groupby(planned, lambda row: row.guidance):
        of_scale = list(group)
        found += [
            of_scale[start : start + batch_size] for start in range(0, len(of_scale), batch_size)
        ]
    return found


def prompts_of(config: Config) -> dict[str, list[Prompt]]:
    """All prompts of the asked skills. Raises EngineError for a skill or a file that is not there."""
    if not config.prompts:
        return world_of(config).evaluation_prompts(config.split, config.skills)
    file = path_of(config.prompts)
    if not file.is_file():
        raise EngineError(
            f"There is no file {shortened(config.prompts, str)} with prompts. Name a file of "
            "them: a text a line, or JSON lines of id, skill and text."
        )
    found: dict[str, list[Prompt]] = defaultdict(list)
    for prompt in prompt_files.read(file):
        found[prompt.skill].append(prompt)
    with _naming(file):
        texts.check(prompt.text for of_skill in found.values() for prompt in of_skill)
    if twice := [
        key for key, n in Counter(p.id for of in found.values() for p in of).items() if n > 1
    ]:
        raise EngineError(f"{file} has two prompts with the id {twice[0]!r}. Give each its own.")
    if not found:
        raise EngineError(f"{file} is empty. Write a line for each prompt.")
    if missing := [skill for skill in config.skills if skill not in found]:
        raise EngineError(
            f"{file} has no prompts of {missing[0]!r}. Choose from {', '.join(found)}."
        )
    return {skill: found[skill] for skill in config.skills or found}


def world_of(config: Config) -> worlds.World:
    return worlds.of(config.model, [config.judge])


@contextmanager
def _naming(file: Path | str) -> Iterator[None]:
    """Put a person's own file, where there is one, before what is said of its prompts."""
    try:
        yield
    except EngineError as error:
        raise EngineError(f"{file}: {error}" if file else str(error)) from error


def prompts_sha256(prompts: Mapping[str, Sequence[Prompt]]) -> str:
    """Over ids and texts."""
    lines = (
        f"{prompt.id}\x1f{prompt.text}\n" for of_skill in prompts.values() for prompt in of_skill
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _partners(prompts: Sequence[Prompt], config: Config) -> list[tuple[Prompt, Prompt | None]]:
    """Each prompt with its successor in an order of the whole skill drawn by the seed."""
    drawn = sorted(prompts, key=lambda prompt: derived_seed(config.seed, "floor", prompt.id))
    after = {prompt.id: drawn[(place + 1) % len(drawn)] for place, prompt in enumerate(drawn)}
    return [
        (prompt, after[prompt.id] if config.floor and len(drawn) > 1 else None)
        for prompt in prompts
    ]


def check(config: Config) -> None:
    """Raises EngineError for what cannot be compared; nothing is loaded but the prompts."""
    check_arms(config)
    plugin = plugins.load(judges, config.judge)
    build(plugin.Config, config.judge_options, where=f"options of the judge {config.judge}")
    check_readable(config, prompts_of(config))
    checkpoints.check_base(config.model)


def check_readable(config: Config, prompts: Mapping[str, Sequence[Prompt]]) -> None:
    """Raises EngineError where the judge can read none of what would be painted."""
    asked = [
        prompt for of_skill in prompts.values() for prompt in of_skill[: config.prompts_per_skill]
    ]
    with _naming(config.prompts):
        readability.check(config.judge, asked)


def check_arms(config: Config) -> None:
    """Raises EngineError for names, weights and guidance scales that are none."""
    if not config.models or not config.guidances:
        raise EngineError(
            "There is nothing to compare. Name at least one model and one guidance scale."
        )
    for arm, mix in config.models.items():
        if not ARM.fullmatch(arm):
            raise EngineError(f"{arm[:80]!r} cannot name a model. Use letters, digits and dashes.")
        names.check_file(arm, "a model", MOST_ARM_CHARACTERS)
        if not isinstance(mix, Mapping):
            raise EngineError(f"{arm} is {mix!r}. Give it its experts' weights, {{}} for the base.")
        weights.check(mix, arm)
    if unknown := [arm for arm in config.own_guidance if arm not in config.models]:
        raise EngineError(
            f"{unknown[0]!r} has a guidance scale of its own but is no model here. Choose "
            f"from {', '.join(config.models)}."
        )
    for scale in (*config.guidances, *config.own_guidance.values()):
        if not _is_number(scale) or not 0 <= scale <= MOST_GUIDANCE:
            raise EngineError(
                f"Guidance {scale!r} is no scale. Choose numbers of 1 (none) or "
                f"more, {MOST_GUIDANCE} at most."
            )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
