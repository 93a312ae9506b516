"""The prompts that an evaluation paints: the world's frozen ones, or those of a person's file."""

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from engine import judges, worlds
from engine.core import plugins, prompt_files, texts
from engine.core.errors import EngineError
from engine.core.files import path_of
from engine.core.misfits import shortened
from engine.core.types import Prompt
from engine.evaluate import Config

Prompts = Mapping[str, Sequence[Prompt]]
"""By skill."""


def prompts_of(config: Config) -> dict[str, list[Prompt]]:
    """All prompts of the config's skills. Raises EngineError for a skill or a file not there."""
    if config.prompts:
        return _of_file(config.prompts, config.skills)
    return _world_of(config).evaluation_prompts(config.split, config.skills)


def readable(config: Config) -> dict[str, list[Prompt]]:
    """The same. Raises EngineError also where the judge can read none of those to be painted."""
    prompts = prompts_of(config)
    to_paint: list[Prompt] = []
    for of_skill in prompts.values():
        to_paint += of_skill[: config.prompts_per_skill]
    with naming(config.prompts):
        check_readable(config.judge, to_paint)
    return prompts


def check_readable(judge: str, prompts: Sequence[Prompt]) -> None:
    """Raises EngineError where the judge can tell beforehand that it can read none of the prompts.

    A few that it cannot read go unscored; where it is all, every picture would be for nothing.
    """
    plugin = plugins.load(judges, judge)
    why: Callable[[Prompt], str | None] | None = getattr(plugin, judges.WHY_UNREADABLE, None)
    if why is None or not prompts:
        return
    for prompt in prompts:
        if why(prompt) is None:
            return
    first = prompts[0]
    raise EngineError(
        f"The judge {judge!r} can read none of the {len(prompts)} prompts; of "
        f"{shortened(first.text)} it says: {why(first)}. Choose prompts that it "
        "understands, or another judge."
    )


def ceiling_world(config: Config) -> worlds.World | None:
    """The world that draws what its own prompts ask for; None where no ceiling is to be judged."""
    if not config.ceiling or config.prompts:
        return None
    world = _world_of(config)
    return world if world.HAS_CEILING else None


def _world_of(config: Config) -> worlds.World:
    """Whose prompts, judges and ceiling belong to the base."""
    return worlds.world_of(config.model, [config.judge])


def prompts_sha256(prompts: Prompts) -> str:
    """Over ids and texts."""
    digest = hashlib.sha256()
    for prompt in chain.from_iterable(prompts.values()):
        digest.update(f"{prompt.id}\x1f{prompt.text}\n".encode())
    return digest.hexdigest()


@contextmanager
def naming(file: Path | str) -> Iterator[None]:
    """Put a person's own file, where there is one, before what an error says of its prompts."""
    try:
        yield
    except EngineError as error:
        raise EngineError(f"{file}: {error}" if file else str(error)) from error


def _of_file(name: str, skills: Sequence[str]) -> dict[str, list[Prompt]]:
    file = path_of(name)
    if not file.is_file():
        raise EngineError(
            f"There is no file {shortened(name, str)} with prompts. Name a file of "
            "them: a text a line, or JSON lines of id, skill and text."
        )
    prompts = prompt_files.read(file)
    with naming(file):
        texts.check(prompt.text for prompt in prompts)
    _check_ids(prompts, file)
    if not prompts:
        raise EngineError(f"{file} is empty. Write a line for each prompt.")
    by_skill: dict[str, list[Prompt]] = defaultdict(list)
    for prompt in prompts:
        by_skill[prompt.skill].append(prompt)
    for skill in skills:
        if skill not in by_skill:
            known = ", ".join(by_skill)
            raise EngineError(f"{file} has no prompts of {skill!r}. Choose from {known}.")
    return {skill: by_skill[skill] for skill in skills or by_skill}


def _check_ids(prompts: Sequence[Prompt], file: Path) -> None:
    seen = set()
    for prompt in prompts:
        if prompt.id in seen:
            raise EngineError(
                f"{file} has two prompts with the id {prompt.id!r}. Give each its own."
            )
        seen.add(prompt.id)
