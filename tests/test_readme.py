"""What the README promises is there, and what is there is in the README."""
import re
from dataclasses import fields
from pathlib import Path

import pytest

from engine import recipes
from engine.core import plugins
from engine.merge import methods
from engine.release.tables import FAMILIES, GUIDES, MARKED, all_tables, plugins_of, render
from tests.plugin_files import in_guide, install

ROOT = Path(__file__).parent.parent
TEXTS = {guide: guide.read_text(encoding="utf-8") for guide in GUIDES}
FRONT, BODY = TEXTS[ROOT / "README.md"].split("---\n", 2)[1:]
ENGINE = TEXTS[ROOT / "engine" / "README.md"]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE)) - {"help"}


def section(title: str, text: str = BODY) -> str:
    return text.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def shown(guide: Path) -> str:
    return str(guide.relative_to(ROOT))


def test_every_make_command_is_a_target_and_every_target_is_told():
    assert set(re.findall(r"\bmake ([a-z-]+)(?=[` ]{1,20})", section("Start"))) >= TARGETS
    told = set(re.findall(r"`make ([a-z-]+)`|^    make ([a-z-]+)", BODY, re.MULTILINE))
    assert {name for pair in told for name in pair if name} == TARGETS


def test_without_make_the_same_tools_are_installed():
    tools = re.findall(r'"[a-z-]+>=[\d.]+,<[\d.]+"', MAKEFILE)
    without = section("Without make", ENGINE)
    line = next(line for line in without.splitlines() if line.startswith("    python -m pip install \"pytest"))
    assert len(tools) == 8 and line.split("install ")[1].split() == tools
    for command in ("python -m ruff check .", "python -m mypy", 'python -m pytest -m ""', "python app.py"):
        assert command in without


def test_every_target_is_phony_and_ci_runs_the_tests():
    phony = re.search(r"^\.PHONY:(.*)$", MAKEFILE, re.MULTILINE)
    assert phony and set(phony[1].split()) == TARGETS | {"help"}
    script = ROOT / ".ci" / "run"
    assert "make test" in script.read_text() and script.stat().st_mode & 0o111


@pytest.mark.parametrize("family", FAMILIES)
def test_every_plugin_is_in_its_table(family):
    table = ENGINE.split(f"<!-- every {family} -->\n", 1)[1].split("<!-- end -->", 1)[0]
    assert re.findall(r"^\| `(.+?)` \|", table, re.MULTILINE) == list(plugins_of(family)), "run: make readme"
    assert all(plugins_of(family).values()), "a plugin's docstring or title is its help"


@pytest.mark.parametrize("guide", GUIDES, ids=shown)
def test_the_tables_say_what_they_are_made_of(guide):
    assert render(TEXTS[guide]) == TEXTS[guide], "run: make readme"


def test_every_table_stands_in_exactly_one_guide():
    marks = [mark["name"] for text in TEXTS.values() for mark in MARKED.finditer(text)]
    assert sorted(marks) == sorted(all_tables())


def test_the_readme_is_read_in_one_go():
    assert len(BODY.splitlines()) <= 130
    assert max(map(len, BODY.splitlines())) <= 140


def test_the_plugin_of_the_readme_is_one(tmp_path, monkeypatch):
    source = in_guide("README.md", "engine/merge/methods/loudest.py")
    assert len(source.splitlines()) <= 20 and max(map(len, source.splitlines())) <= 100
    loudest = install(methods, "loudest", source, tmp_path, monkeypatch)
    assert "loudest" in plugins.offered(methods, with_config=True)
    assert all(option.metadata.get("help") for option in fields(loudest.Config))
    weights = {"counting": 0.5, "styles": -0.75}
    assert loudest.coefficients(weights, loudest.Config(2.0)) == {"counting": 0.0, "styles": -1.5}


def test_the_recipe_of_the_guide_is_one(tmp_path):
    shown = re.search(r"```toml\n(.*?)```", section("A recipe of your own", ENGINE), re.DOTALL)[1]
    assert len(shown.splitlines()) <= 22
    file = tmp_path / "mine.toml"
    file.write_text(shown)
    recipe = recipes.load(file)
    assert set(recipe.merge.experts) == {"counting", "styles"} and recipe.tables["deviations"]
    assert (recipe.validation.prompts_per_skill, recipe.test.prompts_per_skill) == (5, 8)


def test_the_tree_names_every_folder():
    tree = section("The tree")
    top = {path.name + "/" * path.is_dir() for path in ROOT.iterdir() if path.name[0] not in "._"}
    for name in top - {"runs/", "README.md"}:
        assert re.search(rf"^    {re.escape(name)}\s", tree, re.MULTILINE), name
    for path in (ROOT / "engine").iterdir():
        if path.is_dir() and path.name[0] not in "._":
            assert re.search(rf"^      {path.name}/\s", tree, re.MULTILINE), path.name


def test_every_dependency_has_its_why_and_a_range():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    required = [re.fullmatch(r"([a-z_-]+)>=[\d.]+,<=?[\d.]+", line) for line in lines if line[0] != "#"]
    assert all(required)
    told = re.findall(r"^\| ([a-z_-]+) \| \S.*\|$", section("What it stands on", ENGINE), re.MULTILINE)
    assert [found[1] for found in required if found] == [name for name in told if name != "package"]


@pytest.mark.parametrize("guide", GUIDES, ids=shown)
def test_every_link_to_a_file_of_ours_leads_somewhere(guide):
    for target in re.findall(r"\]\((?!https?:)([^)#]+)(?:#[\w-]+)?\)", TEXTS[guide]):
        assert (guide.parent / target).exists(), target


def test_the_front_matter_is_what_a_space_reads():
    """[Spaces configuration](https://huggingface.co/docs/hub/spaces-config-reference)."""
    fields = dict(line.split(": ", 1) for line in FRONT.splitlines() if re.match(r"\w+: ", line))
    assert fields["sdk"] == "gradio" and fields["license"] == "apache-2.0" and fields["app_file"] == "app.py"
    assert len(fields["short_description"]) <= 60
    low, high = re.search(r"^gradio>=([\d.]+),<(\d+)", (ROOT / "requirements.txt").read_text(), re.MULTILINE).groups()
    assert version(low) <= version(fields["sdk_version"]) < version(high)


def version(text: str) -> list[int]:
    return [int(part) for part in text.split(".")]
