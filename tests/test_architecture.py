"""The arrows point one way, modules stay small, the app starts light, weights are never pickled."""
import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for folder in ("engine", "app") for path in (ROOT / folder).rglob("*.py"))
ENGINE = [path for path in SOURCES if path.is_relative_to(ROOT / "engine")]
STAGES = {"prompts", "images", "experts", "merge", "evaluate", "votes"}
BELOW_STAGES = {"core", "models", "worlds", "judges", "option_groups"}
"""A world is asked by the name of its door: nobody but the worlds imports Storybook."""
BELOW = {
    "core": set(),
    "models": {"core"},
    "storybook": {"core", "models"},
    "worlds": {"core", "models", "storybook"},
    "judges": {"core", "models"},
    "option_groups": {"core", "worlds", "judges"},
    **dict.fromkeys(STAGES, BELOW_STAGES),
    "jobs": {"core"},
    "recipes": {*BELOW_STAGES, *STAGES},
    "runs": {*BELOW_STAGES, "jobs", *STAGES, "recipes"},
    "pipeline": {*BELOW_STAGES, *STAGES, "recipes", "runs"},
    "studies": {*BELOW_STAGES, *STAGES, "recipes", "runs", "pipeline"},
    "cli": {"core", "worlds", "jobs", "runs", "votes"},
    "release": {*BELOW_STAGES, *STAGES, "recipes", "studies"},
}
"""What each folder and file of the engine may import besides itself. The command line stands above all, and finds
the stages by name."""
MOST_LINES = 250
HEAVY = {"torch", "diffusers", "transformers", "peft", "accelerate"}
TOP_LEVEL = {"app", "engine", "assets", "tests", "findings",
             "app.py", "requirements.txt", "README.md", "LICENSE", "Makefile"}


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def imported(path: Path) -> set[str]:
    """Full names of every module the file imports, at its top or inside a function."""
    found = set()
    package = path.relative_to(ROOT).with_suffix("").parts[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom):
            base = package[:len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {f"{module}.{alias.name}" for alias in node.names} | {module}
    return found


def output_of(code: str) -> list[str]:
    """Words a fresh interpreter prints."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout.split()


@pytest.mark.parametrize("path", ENGINE, ids=shown)
def test_the_engine_imports_only_what_lies_below(path):
    names = imported(path)
    assert not {name for name in names if name.split(".")[0] in ("app", "gradio", "tests")}
    place = path.relative_to(ROOT / "engine").with_suffix("").parts[0]
    if place in ("__main__", "__init__"):
        return
    assert place in BELOW, f"say in BELOW what engine/{place} may import"
    allowed = BELOW[place] | {place}
    folders = {name.split(".")[1] for name in names if name.startswith("engine.")}
    assert folders <= allowed, f"{shown(path)} imports {sorted(folders - allowed)}"


@pytest.mark.parametrize("path", [*SOURCES, *sorted((ROOT / "tests").rglob("*.py"))], ids=shown)
def test_a_module_fits_in_the_head(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MOST_LINES, f"{lines} lines: it is two modules"


@pytest.mark.parametrize("path", SOURCES, ids=shown)
def test_weights_are_safetensors_and_no_foreign_code_runs(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    used = {f"{n.value.id}.{n.attr}" for n in ast.walk(tree)
            if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name)}
    arguments = {n.arg for n in ast.walk(tree) if isinstance(n, ast.keyword)}
    assert not used & {"torch.save", "torch.load"} and "trust_remote_code" not in arguments
    assert not imported(path) & {"pickle", "joblib", "dill", "cloudpickle"}


@pytest.mark.parametrize("what", ["import app.shell; app.shell.build()", "import engine.__main__"])
def test_it_starts_without_the_heavy_libraries(what):
    code = f"import sys; {what}\nprint(*sorted({HEAVY} & set(sys.modules)))"
    assert output_of(code) == []


@pytest.mark.parametrize("stage", sorted(p.name for p in (ROOT / "engine").iterdir()
                                         if p.name in STAGES and (p / "__init__.py").exists()))
def test_a_stage_keeps_its_promise(stage):
    code = f"import engine.{stage} as stage, sys; print(stage.__doc__ is not None, 'torch' in sys.modules)"
    assert output_of(code) == ["True", "False"]


def test_the_top_level_stays_as_it_is():
    visible = {path.name for path in ROOT.iterdir() if path.name[0] not in "._"} - {"runs"}
    assert visible == TOP_LEVEL
