"""Skills: what a prompt is to train, in TOML. To add one, add a file to assets/skills/<world>."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.core.config import build, read_toml
from engine.core.errors import EngineError
from engine.worlds import SKILLS as FOLDER
from engine.worlds import World

LEAST_EXAMPLES = 3


@dataclass(frozen=True)
class Skill:
    """One skill; `name` is its file's name."""

    name: str
    title: str
    instruction: str
    """What the prompts are about, in full sentences for an instruct model and for people."""
    examples: tuple[str, ...]
    most_words: int
    least_words: int = 1
    most_count: int = 0
    """No text may name a larger number; 0 is no limit. SELMA: "count must not exceed 3"."""
    paper: str = ""
    """The data set whose style the skill follows in SELMA."""
    rules: dict[str, Any] = field(default_factory=dict)
    """What a text must say, in the terms of the skill's world. Free texts are not held to it."""


def files(folder: Path = FOLDER) -> dict[str, Path]:
    """The file of each skill by name: of every world, and those that lie beside the worlds.

    Raises EngineError where two have one name: prompts, pictures and experts go by it.
    """
    found: dict[str, Path] = {}
    for path in sorted([*folder.glob("*.toml"), *folder.glob("*/*.toml")]):
        if other := found.get(path.stem):
            raise EngineError(f"{path} and {other} are skills of one name. Rename one.")
        found[path.stem] = path
    return found


def names(folder: Path = FOLDER) -> list[str]:
    return sorted(files(folder))


def of_world(world: World) -> list[str]:
    """Skills to begin with: the world's own, and those that lie in no world's folder."""
    places = (world.SKILLS, FOLDER)
    return [name for name, path in sorted(files().items()) if path.parent in places]


def load(name: str, folder: Path = FOLDER) -> Skill:
    """Raises EngineError for an unknown name (naming the known ones) and for a file that says it
    wrong.
    """
    path = files(folder).get(name)
    if path is None:
        raise EngineError(
            f"No skill called {name[:80]!r}. Choose from {', '.join(names(folder))}, "
            f"or add assets/skills/{name[:80]}.toml."
        )
    skill = build(Skill, read_toml(path) | {"name": name}, where=str(path))
    if fault := _fault(skill):
        raise EngineError(f"{path}: {fault}.")
    return skill


def _fault(skill: Skill) -> str | None:
    if not all(example.strip() for example in skill.examples):
        return "an example is empty; fill it or take it out"
    different = len(set(skill.examples))
    if different < LEAST_EXAMPLES:
        return f"it has {different} different examples; a writer needs {LEAST_EXAMPLES}. Add some"
    if not 1 <= skill.least_words <= skill.most_words:
        limits = f"least_words {skill.least_words} and most_words {skill.most_words}"
        return f"{limits} leave no room. Set them apart"
    for example in skill.examples:
        words = len(example.split())
        if not skill.least_words <= words <= skill.most_words:
            limits = f"{skill.least_words} to {skill.most_words}"
            return (
                f"the example \u201c{example[:60]}\u201d has {words} words, not {limits}; "
                "change it or the limits"
            )
    return None
