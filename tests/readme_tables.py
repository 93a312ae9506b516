"""The README's plugin tables, made from the plugins: `python -m tests.readme_tables` rewrites them."""
import ast
import json
import tomllib
from pathlib import Path

from engine.results.report import markdown

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
RESULTS = ROOT / "assets" / "results" / "storybook.json"
FAMILIES = {
    "skill": "assets/skills/*.toml",
    "prompt writer": "engine/prompts/writers/*.py",
    "objective": "engine/experts/objectives/*.py",
    "merge method": "engine/merge/methods/*.py",
    "judge": "engine/judges/*.py",
}


def rows(pattern: str) -> dict[str, str]:
    """Name and one-line help of every plugin that matches, sorted; files that start with `_` are private."""
    return {path.stem: help_of(path) for path in sorted(ROOT.glob(pattern)) if path.name[0] != "_"}


def help_of(path: Path) -> str:
    """A skill's title and instruction, or the first paragraph of a module's docstring."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".toml":
        skill = tomllib.loads(text)
        return f"{skill['title']}: {skill['instruction'].split('. ')[0].rstrip('.')}"
    paragraph = (ast.get_docstring(ast.parse(text)) or "").split("\n\n")[0]
    return " ".join(paragraph.split()).replace("|", "\\|")


def table(family: str) -> str:
    lines = [f"| `{name}` | {help} |\n" for name, help in rows(FAMILIES[family]).items()]
    return f"| {family} | what it is |\n|---|---|\n" + "".join(lines)


def results() -> str:
    """The table and the verdicts of `make results`, from what it measured."""
    if not RESULTS.exists():
        return "Not measured yet.\n"
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    said = (f"{found['replicates']} replicates of new prompts, pictures and experts; {found['prompts']} test prompts a "
            "skill. Intervals: 95 %, over replicates and prompts.")
    return f"{said}\n\n{markdown(found)}"


def render(readme: str) -> str:
    """The README with everything between two marks as it should be."""
    parts = {f"every {family}": table(family) for family in FAMILIES} | {"results": results()}
    for name, part in parts.items():
        begin, end = f"<!-- {name} -->\n", "<!-- end -->"
        before, _, after = readme.partition(begin)
        readme = before + begin + part + end + after.partition(end)[2]
    return readme


if __name__ == "__main__":
    README.write_text(render(README.read_text(encoding="utf-8")), encoding="utf-8")
