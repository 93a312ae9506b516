"""The tables of the guides, each made from what it tells of and never typed.

A table stands between two marks, `<!-- name -->` and `<!-- end -->`, in the guide that is about it.
"""

import ast
import re
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path

from engine import worlds
from engine.core.store import write_text
from engine.release import bars, benchmarks, experiments
from engine.worlds import Measurements

ROOT = Path(__file__).parents[2]
FAMILIES = {
    "world": "engine/worlds/*.py",
    "skill": "assets/skills/*/*.toml",
    "prompt writer": "engine/**/writers/*.py",
    "objective": "engine/experts/objectives/*.py",
    "merge method": "engine/merge/methods/*.py",
    "judge": "engine/**/judges/*.py",
    "launcher": "engine/jobs/launchers/*.py",
}
"""What there is one file per member of; a judge or a writer of one world lies in its room."""
WORLD_TABLES = {
    "bars": bars.table,
    "results": experiments.results,
    "at each scale": experiments.at_each_scale,
    "searched": experiments.search_table,
}
"""The tables of what was measured in a world, by their marks."""
END = "<!-- end -->"
MARKED = re.compile(r"<!-- (?P<name>[\w ]+) -->\n(?P<table>.*?)<!-- end -->", re.DOTALL)


def _guides() -> list[Path]:
    guides = [ROOT / "README.md", ROOT / "app" / "README.md", ROOT / "engine" / "README.md"]
    for measurements in measured_worlds().values():
        guides.append(measurements.guide)
    return [*guides, ROOT / "assets" / "results" / "README.md", ROOT / "tests" / "README.md"]


def measured_worlds() -> dict[str, Measurements]:
    """What was measured in each world, by the world's name; worlds without any are left out."""
    found = {}
    for name in worlds.names():
        if measurements := worlds.load(name).MEASUREMENTS:
            found[name] = measurements
    return found


GUIDES = _guides()
"""Each a text with tables between marks."""


def write() -> None:
    """Every table of every guide anew."""
    for guide in GUIDES:
        write_text(guide, render(guide.read_text(encoding="utf-8")))


def render(guide: str) -> str:
    """A guide with every table between its marks as it should be.

    Raises KeyError for a mark that names no table.
    """
    tables = all_tables()

    def anew(marked: re.Match[str]) -> str:
        name = marked["name"]
        return f"<!-- {name} -->\n{tables[name]()}{END}"

    return MARKED.sub(anew, guide)


def all_tables() -> dict[str, Callable[[], str]]:
    """Every table by its mark."""
    tables: dict[str, Callable[[], str]] = {"benchmarks": benchmarks.table}
    for world, measurements in measured_worlds().items():
        for mark, table in WORLD_TABLES.items():
            tables[_mark(mark, world)] = partial(table, measurements)
    for family in FAMILIES:
        tables[f"every {family}"] = partial(plugin_table, family)
    return tables


def _mark(mark: str, world: str) -> str:
    """The usual world's tables have the plain marks, those of another begin with its name."""
    return mark if world == worlds.DEFAULT else f"{world} {mark}"


def plugin_table(family: str) -> str:
    lines = [f"| `{name}` | {text} |\n" for name, text in plugins_of(family).items()]
    return f"| {family} | what it is |\n|---|---|\n" + "".join(lines)


def plugins_of(family: str) -> dict[str, str]:
    """Name and one-line help of every member; a file that starts with `_` is private."""
    paths = sorted(ROOT.glob(FAMILIES[family]), key=_world_and_name)
    return {path.stem: help_of(path) for path in paths if path.name[0] != "_"}


def _world_and_name(path: Path) -> tuple[str, str]:
    """Skills stand world by world; all else by its name alone, wherever it lies."""
    world = path.parent.name if path.suffix == ".toml" else ""
    return world, path.stem


def help_of(path: Path) -> str:
    """A skill's title and instruction, or the first paragraph of a module's docstring."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".toml":
        skill = tomllib.loads(text)
        first_sentence = skill["instruction"].split(". ")[0].rstrip(".")
        return f"{skill['title']}: {first_sentence}"
    docstring = ast.get_docstring(ast.parse(text)) or ""
    paragraph = docstring.split("\n\n")[0]
    return " ".join(paragraph.split()).replace("|", "\\|")
