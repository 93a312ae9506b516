"""Whatever stands in a run's own recipe, pages and a second start take it, or say what is wrong."""
import tomllib

import pytest

from engine import recipes
from engine.core.config import to_toml
from engine.core.store import Store
from engine.experts import Config as Experts
from engine.prompts import Config as Prompts
from engine.runs import contents, resume, settings
from tests.bad_inputs.mutations import of_file, some
from tests.bad_inputs.reading import outcome
from tests.bad_inputs.toml_mutations import of_toml

SMALL = """
model = "storybook"
skills = ["counting"]
[prompts]
count = 5
[experts]
rank = 4
experts = { one = ["counting"] }
[made_with]
python = "3.11"
"""


@pytest.mark.parametrize("each", [40, pytest.param(10_000, marks=pytest.mark.slow)])
def test_a_runs_own_recipe(tmp_path, monkeypatch, each):
    monkeypatch.setenv("SELMA_RUNS", str(tmp_path))
    run, asked_for = Store(tmp_path / "mine"), tmp_path / "asked.toml"
    asked_for.write_text(SMALL.split("[made_with]")[0])
    recipe, file = recipes.load(asked_for), run.folder / "recipe.toml"
    readers = {"prompts": lambda: settings.last_config(run, "prompts", Prompts),
               "experts": lambda: settings.last_config(run, "experts", Experts),
               "base": lambda: contents.base_of(run),
               "begun again": lambda: resume.begin(recipe, run.folder)}
    run.folder.mkdir()
    resume.begin(recipe, run.folder)
    found, refused = [], 0
    table = {**tomllib.loads(SMALL), "made_with": {"python": "3.11", "torch": "2"}}
    tried = [*of_file(to_toml(table)), *some(of_toml(table), each, "run")]
    for damage in tried:
        for name, read in readers.items():
            damage.of(file)
            answer, said = outcome(read, "recipe.toml")
            refused += answer == "refused"
            found += [f"{damage.said}, {name}: {said}"] if answer == "fault" else []
    assert not found, f"{len(found)} of {len(tried)}:\n" + "\n\n".join(found[:8])
    assert refused > len(tried) / 4
