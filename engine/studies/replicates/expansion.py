"""From a results recipe to ordinary recipes: one a line and replicate, written out and checked
before anything runs.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine import evaluate, recipes
from engine.core.config import read_toml, to_toml
from engine.core.errors import EngineError
from engine.core.store import write_text
from engine.studies.replicates import Config, Line


@dataclass(frozen=True)
class Planned:
    """One replicate of a line."""

    name: str
    replicate: int
    line: Line
    recipe: recipes.Recipe
    folder: Path

    @property
    def reported(self) -> evaluate.Config:
        """What the table is about: test, or validation in a recipe that only looks for good
        settings.
        """
        reported = self.recipe.test or self.recipe.validation
        assert reported
        return reported


def plan(config: Config, out: Path) -> list[Planned]:
    """All there is to run, a replicate after the other. Raises EngineError for what no recipe may
    say.
    """
    planned = [
        _planned(config, out, name, replicate)
        for replicate in range(config.replicates)
        for name, line in config.lines.items()
        if not (line.once and replicate)
    ]
    _check(config, planned)
    return planned


def copy_prompts(one: Planned, out: Path) -> None:
    """Give a line that shares them the prompts of the other, whole or not at all.

    Raises EngineError when the other has none.
    """
    ours, arriving = one.folder / "prompts", one.folder / "prompts.arriving"
    if one.line.share_prompts and not ours.exists():
        theirs = _folder(out, one.line.share_prompts, one.replicate)
        if not (theirs / "prompts").exists():
            raise EngineError(
                f"{one.folder.name} takes the prompts of {theirs.name}, which was measured "
                "elsewhere. "
                f"Delete measured/{theirs.name}.json.gz in {out} and beside the results recipe, to "
                "run it here, too."
            )
        shutil.copytree(theirs / "prompts", arriving, dirs_exist_ok=True)
        arriving.rename(ours)


def _planned(config: Config, out: Path, name: str, replicate: int) -> Planned:
    folder, line = _folder(out, name, replicate), config.lines[name]
    file = out / "recipes" / f"{folder.name}.toml"
    write_text(file, to_toml(_tables(config, line, replicate)))
    return Planned(name, replicate, line, recipes.load(file), folder)


def _tables(config: Config, line: Line, replicate: int) -> dict[str, Any]:
    tables = {
        name: table for name, table in read_toml(config.recipe).items() if name not in line.without
    }
    for changes in (config.common, line.tables):
        for name, options in changes.items():
            if name not in line.without:
                tables[name] = {**tables.get(name, {}), **options}
    return {**tables, "seed": replicate}


def _folder(out: Path, name: str, replicate: int) -> Path:
    return out / f"{replicate}-{name}"


def _check(config: Config, planned: list[Planned]) -> None:
    """Arms have one line each, the base is among them, and every claim is about them."""
    arms: dict[str, str] = {}
    for one in planned:
        if not one.recipe.validation:
            raise EngineError(
                f"Line {one.name} needs [evaluate] and [validation], to be compared with others."
            )
        if bool(one.recipe.test) != bool(planned[0].recipe.test):
            raise EngineError(
                f"Line {one.name} and line {planned[0].name} must both have [test], or both none."
            )
        if not one.recipe.tables.get("skills"):
            raise EngineError(
                f"Line {one.name} names no skills. Name those that experts learn: skills = [...]."
            )
        for arm in one.reported.models:
            if arms.setdefault(arm, one.name) != one.name:
                raise EngineError(
                    f"The lines {arms[arm]} and {one.name} both have an arm {arm!r}. Rename one."
                )
        if (shared := one.line.share_prompts) and shared not in list(config.lines)[
            : list(config.lines).index(one.name)
        ]:
            raise EngineError(
                f"Line {one.name} takes the prompts of {shared!r}, which is no line before it."
            )
    _check_claims(config, arms)


def _check_claims(config: Config, arms: Mapping[str, str]) -> None:
    for told, (ours, rivals) in config.claims.items():
        if unknown := [arm for arm in (ours, *rivals) if arm not in arms]:
            raise EngineError(
                f"The claim {told!r} is about {unknown[0]!r}, which no line has. "
                f"Choose from {', '.join(arms)}."
            )
    if "base" not in arms:
        raise EngineError("No line has an arm called base, against which the others are held.")
