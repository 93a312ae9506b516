"""The README's plugin tables, made from the plugins: `python -m tests.readme_tables` rewrites them."""
import ast
import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from engine.studies.replicates.tables import by_scale, markdown

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
RESULTS = ROOT / "assets" / "results" / "storybook.json"
BENCHMARKS = ROOT / "assets" / "results" / "benchmarks.jsonl"
CHECK = ROOT / "assets" / "storybook" / "check.json"


class Bar(NamedTuple):
    """One measured number of the shipped world; without a goal it stands beside the others."""

    what: str
    goal: str = ""
    holds: Callable[[dict[str, float]], bool] = lambda told: True


BARS = {
    "judge_exact": Bar("scenes that the judge reads without any error", "≥ 0.995", lambda b: b["judge_exact"] >= 0.995),
    "judge_ms": Bar("milliseconds it takes for one", "≤ 5", lambda b: b["judge_ms"] <= 5),
    "judge_exact_after_vae": Bar("scenes without any error after the VAE", "≥ 0.98",
                                 lambda b: b["judge_exact_after_vae"] >= 0.98),
    "ceiling_dsg": Bar("ceiling: DSG of true scenes after the VAE; no painter is better"),
    "base_dsg": Bar("base: DSG, mean over skills at its best guidance scale", "0.65–0.90",
                    lambda b: 0.65 <= b["base_dsg"] <= 0.90),
    "base_worst_skill": Bar("base: its weakest skill there", "≥ 0.45", lambda b: b["base_worst_skill"] >= 0.45),
    "base_floor": Bar("floor: the base's pictures by other prompts of the skill"),
    "weak_dsg": Bar("weak sibling: DSG", "0.08 below the base", lambda b: b["weak_dsg"] <= b["base_dsg"] - 0.08),
    "weak_floor": Bar("floor: the weak sibling's pictures by other prompts"),
    "writer_parses": Bar("writer: lines that can be read", "≥ 0.90", lambda b: b["writer_parses"] >= 0.90),
    "writer_on_skill": Bar("writer: lines that keep to the skill", "≥ 0.85", lambda b: b["writer_on_skill"] >= 0.85),
    "writer_novel": Bar("writer: lines that the novelty filter keeps", "the grammar's, ± 0.10",
                        lambda b: abs(b["writer_novel"] - b["grammar_novel"]) <= 0.10),
    "grammar_novel": Bar("the grammar's own lines that it keeps"),
    "writer_unseen_skill": Bar("writer: on skill for two skills that it was not trained on", "≥ 0.60",
                               lambda b: b["writer_unseen_skill"] >= 0.60),
}
SEARCHED = {
    "tuning": {
        "base": "the base",
        "no-dropout": "300 steps at 1e-4, annealed and averaged",
        "joint": "the same with a tenth of the captions empty, as in the next four rows",
        "slow": "at 3e-5",
        "fast": "at 3e-4",
        "long": "1,200 steps",
        "calm": "on pictures painted without guidance",
        "as-published": "at a constant 3e-4, not averaged, no empty captions",
    },
    "size": {
        "half": "on 200 pictures a skill, the recipe's amount",
        "whole": "on 400 pictures a skill",
        "tenth": "on 40 pictures a skill",
        "rank-4": "on 400, rank 4 instead of 16",
        "rank-64": "on 400, rank 64",
    },
}
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
    found = json.loads(RESULTS.read_text(encoding="utf-8"))
    said = (f"Replicates of new prompts, pictures and experts: {found['replicates']}; test prompts a skill: "
            f"{found['prompts']}. Intervals: 95 %, over replicates and prompts.")
    return f"{said}\n\n{markdown(found)}"


def at_each_scale() -> str:
    """The same arms on validation."""
    return by_scale(json.loads(RESULTS.read_text(encoding="utf-8")))


def searched() -> str:
    """What was tried on validation, from the results of the recipes that look for settings."""
    rows = {}
    for recipe, arms in SEARCHED.items():
        found = json.loads((RESULTS.parent / f"{recipe}.json").read_text(encoding="utf-8"))["arms"]
        assert found.keys() == {"base", *arms}, f"{recipe} has other arms than this tells of"
        rows |= {what: found[arm] for arm, what in arms.items()}
    return by_scale({"arms": rows})


def bars() -> str:
    """What the shipped world and its models can do, from `python -m engine.storybook check --write`."""
    found = json.loads(CHECK.read_text(encoding="utf-8"))
    rows = [f"| {bar.what} | {bar.goal} | {_number(found[key])}{'' if bar.holds(found) else ', missed'} | "
            f"{found['n'].get(key, '')} |" for key, bar in BARS.items()]
    return "\n".join(["| what | goal | measured | n |", "|---|---|---|---|", *rows]) + "\n"


def benchmarks() -> str:
    """The rows of `python -m tests.benchmarks`, one a comparison."""
    found = [json.loads(line) for line in BENCHMARKS.read_text(encoding="utf-8").splitlines()]
    machines = {f"{row['device']}, {row['threads']} threads, torch {row['torch']}" for row in found}
    lines = [f"| {row['name']} | {_number(row['ours'])} | {_number(row['peer'])} | {row['unit']} | {row['of']} | "
             f"{_number(row['ratio'])}{'' if meets(row['ratio'], row['goal']) else ', missed'} | "
             f"{_spread(row)} | {row['goal']} | {row['n']} |" for row in found]
    notes = [f"- {row['name']}: " + "; ".join(f"{what} {_told(value)}" for what, value in row["more"].items()) + "."
             for row in found if row["more"]]
    return "\n".join([f"Measured on: {'; '.join(sorted(machines))}.\n",
                      "| what: ours, peer | ours | peer | unit | ratio of | ratio | lowest to highest | goal | n |",
                      "|---|---|---|---|---|---|---|---|---|", *lines, "", "Beside them:", "", *notes]) + "\n"


def meets(ratio: float, goal: str) -> bool:
    """Whether a ratio is what its goal asks for; `>= 1.5`, `<= 1.1`, or none."""
    sign, _, bound = goal.partition(" ")
    return {">=": ratio >= float(bound or 0), "<=": ratio <= float(bound or 0), "": True}[sign]


def _spread(row: dict[str, Any]) -> str:
    low, high = row["spread"]
    return f"{_number(low)} to {_number(high)}" if row["n"] > 1 else ""


def _told(value: Any) -> str:
    return ", ".join(map(_number, value)) if isinstance(value, list) else _number(value)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def render(readme: str) -> str:
    """The README with everything between two marks as it should be."""
    parts = {f"every {family}": table(family) for family in FAMILIES}
    parts |= {"results": results(), "at each scale": at_each_scale(), "searched": searched(), "bars": bars(),
              "benchmarks": benchmarks()}
    for name, part in parts.items():
        begin, end = f"<!-- {name} -->\n", "<!-- end -->"
        before, _, after = readme.partition(begin)
        readme = before + begin + part + end + after.partition(end)[2]
    return readme


if __name__ == "__main__":
    README.write_text(render(README.read_text(encoding="utf-8")), encoding="utf-8")
