"""From a results recipe to ordinary recipes: one per variant and replicate, written out and checked
before anything runs.
"""

import shutil
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import evaluate, recipes
from engine.core.config import read_toml, to_toml
from engine.core.errors import EngineError
from engine.core.store import write_text
from engine.studies.replicates.recipe import Config, Variant

BASE = "base"
"""The arm against which all others are held."""


@dataclass(frozen=True)
class Replicate:
    """One replicate of a variant."""

    name: str
    """The variant's."""
    number: int
    """Counted from 0; the seed of everything in it."""
    variant: Variant
    recipe: recipes.Recipe
    folder: Path

    @property
    def report_config(self) -> evaluate.Config:
        """What the table is about: test, or validation in a recipe that only looks for good
        settings.
        """
        reported = self.recipe.test or self.recipe.validation
        assert reported
        return reported


def plan(config: Config, out: Path) -> list[Replicate]:
    """All there is to run, a replicate after the other. Raises EngineError for what no recipe may
    say.
    """
    replicates = []
    for number in range(config.replicates):
        for name, variant in config.variants.items():
            if number == 0 or not variant.once:
                replicates.append(_replicate(config, out, name, number))
    _check(config, replicates)
    return replicates


def copy_prompts(replicate: Replicate, out: Path) -> None:
    """Give a variant that shares them the prompts of the other, whole or not at all.

    Raises EngineError when the other has none.
    """
    ours = replicate.folder / "prompts"
    if not replicate.variant.share_prompts or ours.exists():
        return
    other = _folder(out, replicate.variant.share_prompts, replicate.number)
    theirs = other / "prompts"
    if not theirs.exists():
        raise EngineError(
            f"{replicate.folder.name} takes the prompts of {other.name}, which was measured "
            f"elsewhere. Delete measured/{other.name}.json.gz in {out} and beside the results "
            "recipe, to run it here, too."
        )
    arriving = replicate.folder / "prompts.arriving"
    shutil.copytree(theirs, arriving, dirs_exist_ok=True)
    arriving.rename(ours)


def _replicate(config: Config, out: Path, name: str, number: int) -> Replicate:
    folder, variant = _folder(out, name, number), config.variants[name]
    file = out / "recipes" / f"{folder.name}.toml"
    write_text(file, to_toml(_tables(config, variant, number)))
    return Replicate(name, number, variant, recipes.load(file), folder)


def _tables(config: Config, variant: Variant, seed: int) -> dict[str, Any]:
    """The recipe's tables with what all variants and then this one change."""
    tables = read_toml(config.recipe)
    for changes in (config.common, variant.tables):
        for name, options in changes.items():
            tables[name] = {**tables.get(name, {}), **options}
    for name in variant.without:
        tables.pop(name, None)
    return {**tables, "seed": seed}


def _folder(out: Path, name: str, number: int) -> Path:
    return out / f"{number}-{name}"


def _check(config: Config, replicates: list[Replicate]) -> None:
    """Arms have one variant each, the base is among them, and every claim is about them."""
    variant_of: dict[str, str] = {}
    for replicate in replicates:
        name = replicate.name
        _check_tables(replicate, replicates[0])
        for arm in replicate.report_config.models:
            other = variant_of.setdefault(arm, name)
            if other != name:
                raise EngineError(
                    f"The lines {other} and {name} both have an arm {arm!r}. Rename one."
                )
        _check_shared_prompts(replicate, config.variants)
    _check_claims(config, variant_of)


def _check_tables(replicate: Replicate, first: Replicate) -> None:
    name, recipe = replicate.name, replicate.recipe
    if not recipe.validation:
        raise EngineError(
            f"Line {name} needs [evaluate] and [validation], to be compared with others."
        )
    if bool(recipe.test) != bool(first.recipe.test):
        raise EngineError(f"Line {name} and line {first.name} must both have [test], or both none.")
    if not recipe.tables.get("skills"):
        raise EngineError(
            f"Line {name} names no skills. Name those that experts learn: skills = [...]."
        )


def _check_shared_prompts(replicate: Replicate, variants: Mapping[str, Variant]) -> None:
    """Prompts can only come from a variant that ran before."""
    order = list(variants)
    before = order[: order.index(replicate.name)]
    shared = replicate.variant.share_prompts
    if shared and shared not in before:
        raise EngineError(
            f"Line {replicate.name} takes the prompts of {shared!r}, which is no line before it."
        )


def _check_claims(config: Config, arms: Collection[str]) -> None:
    for sentence, claim in config.claims.items():
        for arm in (claim.ours, *claim.rivals):
            if arm not in arms:
                raise EngineError(
                    f"The claim {sentence!r} is about {arm!r}, which no line has. "
                    f"Choose from {', '.join(arms)}."
                )
    if BASE not in arms:
        raise EngineError("No line has an arm called base, against which the others are held.")
