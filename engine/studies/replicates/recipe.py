"""A results recipe: a recipe, what each variant changes of it, and the claims to be tested.

recipe = "line.toml"             what all variants share
replicates = 3                   new prompts, pictures and experts each time
[all.<table>]                    changed for every variant
[lines.<variant>.<table>]        changed for one
[claims]                         arm against arm, or against the best of several on validation
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeGuard

from engine.core.config import build, read_toml
from engine.core.errors import EngineError
from engine.core.options import option

OPTIONS = ("title", "recipe", "replicates", "all", "lines", "claims")
REQUIRED = ("recipe", "lines", "claims")
Tables = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Variant:
    """What one variant changes of the recipe, table by table; an option that is named replaces the
    recipe's.
    """

    without: tuple[str, ...] = option((), "Tables of the recipe that it does not have")
    once: bool = option(False, "Run in the first replicate only: nothing in it is drawn")
    share_prompts: str = option("", "The variant whose prompts it takes")
    noisy_scenes: int = option(
        0, "Draw so many captioned scenes of the base's own training data, as the skill `noisy`"
    )
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Claim:
    """That an arm is better than the one of its rivals that is best on validation."""

    ours: str
    rivals: list[str]


@dataclass(frozen=True)
class Config:
    """A results recipe."""

    recipe: Path
    variants: dict[str, Variant]
    claims: dict[str, Claim]
    """By the sentence that is claimed."""
    common: Tables
    """What every variant changes."""
    replicates: int = 3


def load(path: Path) -> Config:
    """Read a results recipe. Raises EngineError that names file and option."""
    tables = read_toml(path)
    _check_names(tables, path)
    variants = {}
    for name, values in tables["lines"].items():
        variants[name] = _variant(values, f"{path}, [lines.{name}]")
    claims = {}
    for sentence, value in tables["claims"].items():
        claims[sentence] = _claim(value, f"{path}, [claims], {sentence!r}")
    replicates = tables.get("replicates", Config.replicates)
    if not isinstance(replicates, int) or replicates < 1:
        raise EngineError(f"{path}: replicates is {replicates!r}. Give a whole number, 1 or more.")
    recipe = path.parent / tables["recipe"]
    return Config(recipe, variants, claims, tables.get("all", {}), replicates)


def _check_names(tables: Mapping[str, Any], path: Path) -> None:
    for name in tables:
        if name not in OPTIONS:
            raise EngineError(
                f"{path}: there is no option {name!r}. Choose from {', '.join(OPTIONS)}."
            )
    for name in REQUIRED:
        if not tables.get(name):
            raise EngineError(f"{path} has no {name!r}. Name a recipe, lines and claims.")


def _claim(value: Any, where: str) -> Claim:
    """Raises EngineError for anything but an arm and its rival or rivals."""
    is_pair = isinstance(value, list) and len(value) == 2
    ours, rivals = value if is_pair else (None, None)
    if isinstance(rivals, str):
        rivals = [rivals]
    if isinstance(ours, str) and _are_texts(rivals):
        return Claim(ours, rivals)
    raise EngineError(f"{where} is {value!r}. Give an arm and its rival, or a list of rivals.")


def _are_texts(values: Any) -> TypeGuard[list[str]]:
    """Whether it is a list of one text or more."""
    if not isinstance(values, list) or not values:
        return False
    return all(isinstance(value, str) for value in values)


def _variant(values: Mapping[str, Any], where: str) -> Variant:
    """Its own options, and beside them the tables of the recipe that it changes."""
    options: dict[str, Any] = {}
    tables: dict[str, Any] = {}
    for name, value in values.items():
        place = tables if isinstance(value, dict) else options
        place[name] = value
    return build(Variant, {**options, "tables": tables}, where=where)
