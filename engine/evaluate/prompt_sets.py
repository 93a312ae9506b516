"""The prompts that an evaluation paints: the world's frozen ones, or those of a person's file."""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

from engine import worlds
from engine.core import prompt_files, texts
from engine.core.errors import EngineError
from engine.core.files import path_of
from engine.core.misfits import shortened
from engine.core.types import Prompt
from engine.evaluate import Config


def prompts_of(config: Config) -> dict[str, list[Prompt]]:
    """All prompts of the config's skills. Raises EngineError for a skill or a file not there."""
    if config.prompts:
        return _of_file(config.prompts, config.skills)
    return world_of(config).evaluation_prompts(config.split, config.skills)


def world_of(config: Config) -> worlds.World:
    """Whose prompts, judges and ceiling belong to the base."""
    return worlds.world_of(config.model, [config.judge])


def to_paint(config: Config, prompts: Mapping[str, Sequence[Prompt]]) -> list[Prompt]:
    """The first of each skill, as many as the config says."""
    first: list[Prompt] = []
    for of_skill in prompts.values():
        first += of_skill[: config.prompts_per_skill]
    return first


def prompts_sha256(prompts: Mapping[str, Sequence[Prompt]]) -> str:
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
