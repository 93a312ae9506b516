"""Skills: what a prompt is to train, told in TOML. To add one, add a file to assets/skills."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.core.config import build, read_toml
from engine.core.errors import EngineError

FOLDER = Path(__file__).parents[2] / "assets" / "skills"
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
    """What a Storybook text must say; see engine/storybook/rules.py. Free texts are not held to it.
    """


def names(folder: Path = FOLDER) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.toml"))


def load(name: str, folder: Path = FOLDER) -> Skill:
    """Raises EngineError for an unknown name (naming the known ones) and for a file that says it
    wrong.
    """
    if name not in names(folder):
        raise EngineError(
            f"No skill called {name[:80]!r}. Choose from {', '.join(names(folder))}, "
            f"or add assets/skills/{name[:80]}.toml."
        )
    path = folder / f"{name}.toml"
    skill = build(Skill, read_toml(path) | {"name": name}, where=str(path))
    if fault := _fault(skill):
        raise EngineError(f"{path}: {fault}.")
    return skill


def _fault(skill: Skill) -> str | None:
    if not all(example.strip() for example in skill.examples):
        return "an example is empty; fill it or take it out"
    if len(set(skill.examples)) < LEAST_EXAMPLES:
        return (
            f"it has {len(set(skill.examples))} different examples; a writer needs "
            f"{LEAST_EXAMPLES}. Add some"
        )
    if not 1 <= skill.least_words <= skill.most_words:
        return (
            f"least_words {skill.least_words} and most_words {skill.most_words} leave no room. "
            "Set them apart"
        )
    for example in skill.examples:
        if not skill.least_words <= len(example.split()) <= skill.most_words:
            return (
                f"the example \u201c{example[:60]}\u201d has {len(example.split())} words, not "
                f"{skill.least_words} to {skill.most_words}; change it or the limits"
            )
    return None
