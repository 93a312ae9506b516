"""The tables of the guides, each made from what it tells of and never typed.

A table stands between two marks, `<!-- name -->` and `<!-- end -->`, in the guide that is about it.
"""

import ast
import re
import tomllib
from collections.abc import Callable
from functools import partial
from pathlib import Path

from engine.core.store import write_text
from engine.release import bars, benchmarks, experiments

ROOT = Path(__file__).parents[2]
GUIDES = [
    ROOT / "README.md",
    ROOT / "app" / "README.md",
    ROOT / "engine" / "README.md",
    ROOT / "engine" / "storybook" / "README.md",
    ROOT / "assets" / "results" / "README.md",
    ROOT / "tests" / "README.md",
]
FAMILIES = {
    "world": "engine/worlds/*.py",
    "skill": "assets/skills/*/*.toml",
    "prompt writer": "engine/prompts/writers/*.py",
    "objective": "engine/experts/objectives/*.py",
    "merge method": "engine/merge/methods/*.py",
    "judge": "engine/judges/*.py",
    "launcher": "engine/jobs/launchers/*.py",
}
"""What there is one file per member of."""
END = "<!-- end -->"
MARKED = re.compile(r"<!-- (?P<name>[\w ]+) -->\n(?P<table>.*?)<!-- end -->", re.DOTALL)


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
    tables: dict[str, Callable[[], str]] = {
        "bars": bars.table,
        "results": experiments.results,
        "at each scale": experiments.at_each_scale,
        "searched": experiments.search_table,
        "benchmarks": benchmarks.table,
    }
    for family in FAMILIES:
        tables[f"every {family}"] = partial(plugin_table, family)
    return tables


def plugin_table(family: str) -> str:
    lines = [f"| `{name}` | {text} |\n" for name, text in plugins_of(family).items()]
    return f"| {family} | what it is |\n|---|---|\n" + "".join(lines)


def plugins_of(family: str) -> dict[str, str]:
    """Name and one-line help of every member, sorted; a file that starts with `_` is private."""
    paths = sorted(ROOT.glob(FAMILIES[family]))
    return {path.stem: help_of(path) for path in paths if path.name[0] != "_"}


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
