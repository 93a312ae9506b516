"""A recipe file: its tables become the stages' Configs, checked before anything begins.

`model`, `revision`, `encoder`, `skills` and `seed` at the top hold for every stage that has such an
option and does not say otherwise. A stage whose table is missing is left out. `[validation]` and
`[test]` change options of `[evaluate]`; with `[validation]` alone the test prompts stay sealed.
`[published]` and `[deviations]` are for the reader: the paper's numbers, and each departure with
its reason.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from itertools import chain
from pathlib import Path
from types import ModuleType
from typing import Any

from engine import evaluate, experts, images, merge, prompts
from engine.core.config import build, read_toml
from engine.core.errors import EngineError
from engine.option_groups import BaseModel

STAGES: dict[str, ModuleType] = {
    "prompts": prompts,
    "images": images,
    "experts": experts,
    "merge": merge,
    "evaluate": evaluate,
}
SPLITS = ("validation", "test")
FOR_THE_READER = ("title", "published", "deviations")
MADE_WITH = "made_with"
"""What a run folder adds to its recipe; ignored, so that the copy is a recipe too."""


@dataclass(frozen=True, kw_only=True)
class SharedOptions(BaseModel):
    """Options above the tables that hold for every stage which has them."""

    skills: tuple[str, ...] = ()
    seed: int = 0


@dataclass(frozen=True, kw_only=True)
class Top(SharedOptions):
    """All options that stand above the tables."""

    title: str = ""


Tables = Mapping[str, Any]
SHARED = tuple(option.name for option in fields(SharedOptions))


@dataclass(frozen=True)
class Recipe:
    """A recipe whose every value has been checked; None is a stage that is left out."""

    path: Path
    tables: dict[str, Any]
    prompts: prompts.Config | None
    images: images.Config | None
    experts: experts.Config | None
    merge: merge.Config | None
    validation: evaluate.Config | None
    """Where each arm's guidance scale is chosen."""
    test: evaluate.Config | None


def load(path: Path) -> Recipe:
    """Read and check a recipe. Raises EngineError that names the file, the table and the option."""
    tables = read_toml(path)
    tables.pop(MADE_WITH, None)
    _check_tables(tables, path)
    configs: dict[str, Any] = {}
    for name, stage in STAGES.items():
        if stage is not evaluate:
            configs[name] = _build(stage, name, tables, path)
    for split in SPLITS:
        configs[split] = _evaluation(split, tables, path)
    recipe = Recipe(path, tables, **configs)
    _check_stages(recipe)
    try:
        _check_names(recipe)
    except EngineError as error:
        raise EngineError(f"{path}: {error}") from error
    return recipe


def _evaluation(split: str, tables: Tables, path: Path) -> evaluate.Config | None:
    """Validation where it has a table; test also where neither has one."""
    if split in tables or (split == "test" and "validation" not in tables):
        return _build(evaluate, "evaluate", tables, path, split)
    return None


def _build(stage: ModuleType, name: str, tables: Tables, path: Path, split: str = "") -> Any:
    """A stage's options: those that all share, those of its table, those of its split."""
    if name not in tables:
        return None
    values = {}
    options = {option.name for option in fields(stage.Config)}
    for key in SHARED:
        if key in tables and key in options:
            values[key] = tables[key]
    values |= tables[name]
    where = f"{path}, [{name}]"
    if split:
        values |= tables.get(split, {}) | {"split": split}
    if split in tables:
        where += f" with [{split}]"
    return build(stage.Config, values, where)


def _check_tables(tables: Tables, path: Path) -> None:
    known = (*FOR_THE_READER, *SHARED, *STAGES, *SPLITS)
    for name in tables:
        if name not in known:
            raise EngineError(
                f"{path}: there is no table or option {name[:80]!r}. "
                f"Choose from {', '.join(known)}."
            )
    for name in (*STAGES, *SPLITS, "published", "deviations"):
        if not isinstance(tables.get(name, {}), dict):
            raise EngineError(f"{path}: {name} must be a table. Write [{name}] above its options.")
    top = {option.name for option in fields(Top)}
    build(Top, {name: value for name, value in tables.items() if name in top}, str(path))
    _check_some_stage(tables, path)
    for name, reason in tables.get("deviations", {}).items():
        if not isinstance(reason, str) or not reason:
            raise EngineError(
                f"{path}, [deviations]: {name} must give its reason. Write it as a text in quotes."
            )


def _check_some_stage(tables: Tables, path: Path) -> None:
    if not tables.keys() & STAGES.keys():
        raise EngineError(
            f"{path} asks for no stage. Give it at least one of the tables {', '.join(STAGES)}."
        )
    for name in SPLITS:
        if name in tables and "evaluate" not in tables:
            raise EngineError(
                f"{path}: [{name}] changes options of [evaluate], which is missing. Add that table."
            )


def _check_stages(recipe: Recipe) -> None:
    """What each stage would say by itself, at its turn, hours later."""
    for table, stage in {**STAGES, **dict.fromkeys(SPLITS, evaluate)}.items():
        config = getattr(recipe, table, None)  # evaluate's own options are those of its splits
        if config is None:
            continue
        try:
            stage.check(config)
        except EngineError as error:
            where = f"[evaluate] with [{table}]" if table in SPLITS else f"[{table}]"
            raise EngineError(f"{recipe.path}, {where}: {error}") from error


def _check_names(recipe: Recipe) -> None:
    """That each stage makes what the next ones name: skills, pictures, experts and the merge."""
    if recipe.images and recipe.prompts:
        _check_made("the prompts for", recipe.images.skills, recipe.prompts.skills)
    if not recipe.experts:
        return
    experts = recipe.experts.experts
    if recipe.images:
        _check_made("the images of", chain.from_iterable(experts.values()), recipe.images.skills)
    models = set(experts)
    if recipe.merge:
        _check_made("the expert", recipe.merge.experts, experts)
        _check_merge_name(recipe.merge.name, experts)
        models.add(recipe.merge.name)
    for config in (recipe.validation, recipe.test):
        if config:
            _check_made("the expert", chain.from_iterable(config.models.values()), models)


def _check_merge_name(name: str, experts: Collection[str]) -> None:
    if name in experts:
        raise EngineError(
            f"the merge and an expert are both called {name!r}. Give the merge another name."
        )


def _check_made(what: str, needed: Iterable[str], made: Iterable[str]) -> None:
    missing = sorted(set(needed) - set(made))
    if missing:
        choices = ", ".join(sorted(made))
        raise EngineError(f"{what} {missing[0]!r} will not be there. Choose from {choices}.")
