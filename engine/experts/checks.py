"""What can be refused before anything is opened."""

from typing import Any

from engine.core import names, texts
from engine.core.errors import EngineError
from engine.experts import sources
from engine.experts.config import Config
from engine.models import targets


def check(config: Config) -> None:
    """Raises EngineError for names, options, shards, targets and a base that make no sense."""
    if not config.experts:
        raise EngineError(
            "There is no expert to train. Name at least one, and the skills it learns from."
        )
    objective = config.objective_choice
    sources.source_of(objective).check(objective.config())
    base = config.check_base()
    _check_mentions(config)
    for name, skills in config.experts.items():
        _check_expert(name, skills)
        targets.check(config.training(name).targets, base)
        _check_patience(config, name)
    for name, shard in config.shards.items():
        _check_shard(name, shard)
    texts.check(config.sample_prompts)


def _check_mentions(config: Config) -> None:
    """That shards and overrides are of experts that there are."""
    for option in ("shards", "overrides"):
        if unknown := sorted(set(getattr(config, option)) - set(config.experts)):
            raise EngineError(
                f"{option}: no expert called {unknown[0]!r}. Choose from "
                f"{', '.join(config.experts)}."
            )
    for name, changes in config.overrides.items():
        if not isinstance(changes, dict):
            raise EngineError(f"overrides: {name} is {changes!r}. Give it options by name.")


def _check_expert(name: str, skills: Any) -> None:
    names.check(name, "an expert")
    is_list = isinstance(skills, list | tuple) and bool(skills)
    if not is_list or set(map(type, skills)) != {str}:
        raise EngineError(f"Expert {name} has no skills to learn from. Give it a list of them.")
    for skill in skills:
        names.check_file(skill, "a skill")


def _check_patience(config: Config, name: str) -> None:
    if config.training(name).patience and not config.held_out:
        raise EngineError(
            f"Expert {name} is to stop early, but no pictures are held out that could tell when. "
            "Set held_out above 0, or patience to 0."
        )


def _check_shard(name: str, shard: Any) -> None:
    is_triple = isinstance(shard, list | tuple) and len(shard) == 3
    if is_triple and set(map(type, shard)) == {int}:
        index, count, _ = shard
        if 0 <= index < count:
            return
    raise EngineError(
        f"shards: {name} is {shard}. Give [index, of how many, seed] with 0 <= index < many."
    )
