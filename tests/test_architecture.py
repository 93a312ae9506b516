"""The arrows point one way, modules stay small, the app starts light, weights are never pickled."""
import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(path for folder in ("engine", "app") for path in (ROOT / folder).rglob("*.py"))
APP = [path for path in SOURCES if path.is_relative_to(ROOT / "app")]
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
    "option_groups": {"core", "models", "worlds", "judges"},
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
DRAWS_NOTHING = {
    "app/__init__.py": "what gradio reads of the environment, before gradio is imported",
    "app/tabs/__init__.py": "the order of the tabs",
}
"""Modules of the app that neither use gradio nor draw HTML, and why they are there nonetheless."""
FILE_ACCESS = {
    *("glob", "rglob", "iterdir", "stat", "exists", "is_file", "is_dir", "mkdir", "unlink", "rmdir"),
    *("read_text", "read_bytes", "write_text", "write_bytes", "copyfile", "copytree", "rmtree"),
    *("read_json", "read_object", "read_records", "read_toml", "write_json", "write_records"),
}
"""Calls by which a module looks into a folder by itself instead of asking an engine room."""
LOOKS_ITSELF = {
    "app/show/thumbnails.py": {"stat"},  # a picture that was painted anew is drawn anew
}
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


def has_code(path: Path) -> bool:
    """Whether anything stands in the file besides its docstring."""
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return not all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body)


def called(path: Path) -> set[str]:
    """Last names of whatever the file calls."""
    functions = [node.func for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                 if isinstance(node, ast.Call)]
    return {function.attr if isinstance(function, ast.Attribute) else function.id for function in functions
            if isinstance(function, ast.Attribute | ast.Name)}


@pytest.mark.parametrize("path", [path for path in APP if has_code(path)], ids=shown)
def test_a_module_of_the_app_draws(path):
    """With gradio, or as HTML; whatever does neither belongs into an engine room."""
    names = imported(path)
    uses_gradio = any(name.split(".")[0] == "gradio" for name in names)
    draws_html = path.is_relative_to(ROOT / "app" / "show") or any(name.startswith("app.show.") for name in names)
    assert (uses_gradio or draws_html) is (shown(path) not in DRAWS_NOTHING)


@pytest.mark.parametrize("path", APP, ids=shown)
def test_the_app_asks_the_engine_what_a_folder_holds(path):
    assert called(path) & FILE_ACCESS == LOOKS_ITSELF.get(shown(path), set())
    assert "open" not in {node.func.id for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
                          if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}


def test_a_module_that_looks_into_a_folder_is_told(tmp_path):
    module = tmp_path / "module.py"
    module.write_text("from pathlib import Path\nfiles = sorted(Path('runs').glob('*/scores'))\n")
    assert called(module) == {"sorted", "Path", "glob"}
    assert called(module) & FILE_ACCESS == {"glob"}


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
