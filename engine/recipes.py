"""A recipe file: its tables become the stages' Configs, checked before anything begins.

`model`, `revision`, `skills` and `seed` at the top hold for every stage that has such an option and
does not say otherwise. A stage whose table is missing is left out. `[validation]` and `[test]`
change options of `[evaluate]`; with `[validation]` alone the test prompts stay sealed.
`[published]` and `[deviations]` are for the reader: the paper's numbers, and each departure with
its reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import ModuleType
from typing import Any

from engine import evaluate, experts, images, merge, prompts, worlds
from engine.core.config import build, read_toml
from engine.core.errors import EngineError

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


@dataclass(frozen=True)
class Shared:
    """What may stand above the tables."""

    title: str = ""
    model: str = worlds.usual_base()
    revision: str | None = None
    skills: tuple[str, ...] = ()
    seed: int = 0


SHARED = ("model", "revision", "skills", "seed")


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
    tables = {name: value for name, value in read_toml(path).items() if name != MADE_WITH}
    _check_tables(tables, path)
    configs = {
        name: _build(stage, name, tables, path)
        for name, stage in STAGES.items()
        if stage is not evaluate
    }
    validation = (
        _build(evaluate, "evaluate", tables, path, "validation") if "validation" in tables else None
    )
    test = (
        None
        if "validation" in tables and "test" not in tables
        else _build(evaluate, "evaluate", tables, path, "test")
    )
    recipe = Recipe(path, tables, **configs, validation=validation, test=test)
    _check_stages(recipe)
    try:
        _check_names(recipe)
    except EngineError as error:
        raise EngineError(f"{path}: {error}") from error
    return recipe


def _build(
    stage: ModuleType, name: str, tables: Mapping[str, Any], path: Path, split: str = ""
) -> Any:
    if name not in tables:
        return None
    known = {f.name for f in fields(stage.Config)}
    values = {key: tables[key] for key in SHARED if key in tables and key in known} | tables[name]
    if split:
        values |= tables.get(split, {}) | {"split": split}
    return build(stage.Config, values, f"{path}, [{name}]" + f" with [{split}]" * (split in tables))


def _check_tables(tables: Mapping[str, Any], path: Path) -> None:
    known = (*FOR_THE_READER, *SHARED, *STAGES, *SPLITS)
    if unknown := [name for name in tables if name not in known]:
        raise EngineError(
            f"{path}: there is no table or option {unknown[0][:80]!r}. "
            f"Choose from {', '.join(known)}."
        )
    for name in (*STAGES, *SPLITS, "published", "deviations"):
        if not isinstance(tables.get(name, {}), dict):
            raise EngineError(f"{path}: {name} must be a table. Write [{name}] above its options.")
    common = {f.name for f in fields(Shared)}
    build(Shared, {name: value for name, value in tables.items() if name in common}, str(path))
    if not any(name in tables for name in STAGES):
        raise EngineError(
            f"{path} asks for no stage. Give it at least one of the tables {', '.join(STAGES)}."
        )
    if "evaluate" not in tables and (lonely := [name for name in SPLITS if name in tables]):
        raise EngineError(
            f"{path}: [{lonely[0]}] changes options of [evaluate], which is missing. Add that "
            "table."
        )
    for name, reason in tables.get("deviations", {}).items():
        if not isinstance(reason, str) or not reason:
            raise EngineError(
                f"{path}, [deviations]: {name} must give its reason. Write it as a text in quotes."
            )


def _check_stages(recipe: Recipe) -> None:
    """What each stage would say by itself, at its turn, hours later."""
    for table, stage in (*STAGES.items(), *((split, evaluate) for split in SPLITS)):
        config = getattr(recipe, table, None)  # an evaluation is asked for by its splits
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
        _known("the prompts for", recipe.images.skills, recipe.prompts.skills)
    if recipe.experts and recipe.images:
        learned = {skill for of in recipe.experts.experts.values() for skill in of}
        _known("the images of", learned, recipe.images.skills)
    if recipe.experts and recipe.merge:
        _known("the expert", recipe.merge.experts, recipe.experts.experts)
        if recipe.merge.name in recipe.experts.experts:
            raise EngineError(
                f"the merge and an expert are both called {recipe.merge.name!r}. "
                "Give the merge another name."
            )
    if not recipe.experts:
        return
    made = {*recipe.experts.experts, *([recipe.merge.name] if recipe.merge else [])}
    for config in filter(None, (recipe.validation, recipe.test)):
        _known("the expert", {name for mix in config.models.values() for name in mix}, made)


def _known(what: str, asked: Any, made: Any) -> None:
    if missing := sorted(set(asked) - set(made)):
        raise EngineError(
            f"{what} {missing[0]!r} will not be there. Choose from {', '.join(sorted(made))}."
        )
