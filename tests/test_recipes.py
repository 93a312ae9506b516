"""Recipes that ship say what they promise; wrong ones get a sentence that names file, table and option."""
import csv
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from engine import recipes
from engine.core.errors import EngineError

ASSETS = Path(__file__).parent.parent / "assets"
SHIPPED = [ASSETS / "recipes" / f"{name}.toml"
           for name in ("sd14", "sd2", "sdxl", "storybook", "storybook-best-of-4", "storybook-quick")]
"""Those of this repository: beside them a person's own may lie."""
HEAVY = {"torch", "diffusers", "transformers", "peft"}
PAPER = {"sd14": "SD v1.4", "sd2": "SD v2", "sdxl": "SDXL"}
METRICS = {"dsg": "dsg_mplug", "tifa": "tifa_blip2",
           **{name: name for name in ("pickscore", "imagereward", "hps")}}

SMALL = """
model = "storybook"
skills = ["counting"]
seed = 3
[prompts]
count = 5
[images]
[experts]
rank = 4
[experts.experts]
one = ["counting"]
[merge.experts]
one = 1.0
[evaluate]
steps = 7
[evaluate.models]
base = {}
merged = { merged = 1.0 }
[validation]
prompts_per_skill = 2
[test]
prompts_per_skill = 3
"""


def loaded(tmp_path, text):
    file = tmp_path / "my.toml"
    file.write_text(text)
    return recipes.load(file)


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_every_recipe_that_ships_builds_every_stage(file):
    recipe = recipes.load(file)
    assert recipe.tables["title"] and recipe.prompts and recipe.images and recipe.experts and recipe.merge
    assert recipe.prompts.skills == recipe.images.skills == ("everyday", "counting", "places", "styles", "unusual")
    assert set(recipe.merge.experts) == set(recipe.experts.experts) == set(recipe.prompts.skills)
    assert set(recipe.merge.experts.values()) == {1.0}
    assert all(reason for reason in recipe.tables["deviations"].values())
    if file.stem.startswith("storybook"):
        assert recipe.validation and recipe.test and recipe.test.pictures_per_prompt > 1
        assert sum(recipe.test.models["merged"].values()) == pytest.approx(1)


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_recipes_hold_its_values(name):
    recipe = recipes.load(ASSETS / "recipes" / f"{name}.toml")
    assert recipe.prompts.count == 1000 and recipe.prompts.examples_per_request == 3
    assert (recipe.images.steps, recipe.images.guidance) == (50, 5.0 if name == "sdxl" else 7.5)
    experts = recipe.experts
    assert (experts.rank, experts.alpha, experts.learning_rate, experts.schedule) == (128, 128, 3e-4, "constant")
    assert experts.batch_size * experts.accumulation == (32 if name == "sdxl" else 64)
    assert experts.steps == (10_000 if name == "sdxl" else 5000)
    assert {"writer", "flip", "clipping", "weights", "seeds", "merge"} <= set(recipe.tables["deviations"])
    assert not experts.flip and experts.max_grad_norm == 1.0
    if name == "sd2":
        assert recipe.images.model.startswith("sd2-community/") and "mirror" in recipe.tables["deviations"]["model"]


@pytest.mark.parametrize("name", PAPER)
def test_published_numbers_are_those_of_the_papers_table(name):
    with open(ASSETS / "paper" / "selma_main.csv", newline="") as file:
        rows = {row["method"].lower(): row for row in csv.DictReader(file) if row["base"] == PAPER[name]}
    published = recipes.load(ASSETS / "recipes" / f"{name}.toml").tables["published"]
    for method in ("base", "selma"):
        assert published[method] == {ours: float(rows[method][theirs]) for ours, theirs in METRICS.items()}


def test_single_experts_of_sd2_are_those_of_the_papers_table():
    sets = {"Localized Narratives": "places", "CountBench": "counting", "DiffusionDB": "styles", "WHOOPS": "unusual",
            "COCO": "everyday", "all five": "joint"}
    published = recipes.load(ASSETS / "recipes" / "sd2.toml").tables["published"]
    with open(ASSETS / "paper" / "selma_single_vs_merged_sd2.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["data"] in sets and row["training"] != "merged LoRAs"]
    assert len(rows) == 6
    for row in rows:
        assert published[sets[row["data"]]] == {ours: float(row[theirs]) for ours, theirs in METRICS.items()}


def test_best_of_four_changes_the_pictures_and_nothing_else():
    plain, best = (tomllib.loads((ASSETS / "recipes" / f"{name}.toml").read_text())
                   for name in ("storybook", "storybook-best-of-4"))
    assert best["images"] == plain["images"] | {"best_of": 4, "judge": "storybook"}
    assert best["evaluate"]["models"].items() <= plain["evaluate"].pop("models").items()
    del best["evaluate"]["models"]
    for table in ("model", "skills", "seed", "prompts", "experts", "merge", "evaluate", "validation", "test"):
        assert best[table] == plain[table]


def test_options_at_the_top_hold_for_every_stage_and_splits_change_the_evaluation(tmp_path):
    recipe = loaded(tmp_path, SMALL.replace("[images]", "[images]\nseed = 9\nmodel = 'storybook-weak'"))
    assert (recipe.prompts.seed, recipe.images.seed, recipe.experts.seed, recipe.test.seed) == (3, 9, 3, 3)
    assert recipe.images.model == "storybook-weak" and recipe.experts.model == recipe.test.model == "storybook"
    validation, test = recipe.validation, recipe.test
    assert (validation.split, validation.prompts_per_skill, validation.steps) == ("validation", 2, 7)
    assert (test.split, test.prompts_per_skill, test.skills) == ("test", 3, ("counting",))


def test_stages_may_be_left_out(tmp_path):
    recipe = loaded(tmp_path, 'skills = ["counting"]\n[prompts]\ncount = 2\n')
    assert recipe.prompts and not any((recipe.images, recipe.experts, recipe.merge, recipe.validation, recipe.test))
    recipe = loaded(tmp_path, SMALL.replace("[validation]\nprompts_per_skill = 2\n", ""))
    assert recipe.validation is None and recipe.test.prompts_per_skill == 3


@pytest.mark.parametrize("old, new, sentence", [
    ("rank = 4", "rnak = 4", r"my.toml, \[experts\].*'rnak'.*from rank"),
    ("rank = 4", "rank = 0", r"\[experts\]: rank is 0.*between"),
    ("count = 5", "count = 'five'", r"\[prompts\]: count is 'five'.*int"),
    ("prompts_per_skill = 3", "prompts = 3", r"\[evaluate\].*\[test\]: prompts is 3"),
    ("[images]", "[pictures]", r"my.toml.*'pictures'.*Choose from title"),
    ("seed = 3", "sead = 3", "there is no table or option 'sead'"),
    ("model =", "model = =", "my.toml is not valid TOML.*line 2"),
    ("[images]", "[images]\nbest_of = 4", r"my.toml, \[images\].*best of 4, name"),
    ('skills = ["counting"]', 'skills = ["juggling"]', r"my.toml, \[prompts\]: No skill called"),
    ('one = ["counting"]', 'one = ["styles"]', "my.toml.*images of 'styles'"),
    ("[images]", "[images]\nskills = ['styles']", "my.toml.*prompts for 'styles'"),
    ("[evaluate]\nsteps = 7\n[evaluate.models]", "[published]", r"\[validation\].*options of \[evaluate\]"),
    ("one = 1.0", 'one = "1"', r"my.toml, \[merge\].*one is '1'.*float"),
    ("one = 1.0", "one = nan", r"my.toml, \[merge\].*one is nan.*finite"),
    ('model = "storybook"', 'model = "storybok"', r"\[images\].*'storybok'.*of storybook"),
    ("one = 1.0", "two = 1.0", "my.toml.*expert 'two'.*Choose from one"),
    ("merged = 1.0", "joined = 1.0", "my.toml.*'joined'.* merged, one"),
    ("steps = 7", "judge = 'magic'", r"\[evaluate\].*\[validation\].*'magic'"),
    ("count = 5", "writer = 'nobody'", r"my.toml, \[prompts\].*writer.*'nobody'"),
    ("[merge.experts]", "[merge]\nmethod = 'glue'\n[merge.experts]", r"\[merge\].*method called 'glue'"),
    ("[merge.experts]", "[merge.options]\nglue = 1\n[merge.experts]", r"\[merge\].*method average.*'glue'"),
    ("[images]", "[deviations]\nflip = true\n[images]", r"\[deviations\]: flip.*reason"),
])
def test_a_wrong_recipe_is_a_sentence(tmp_path, old, new, sentence):
    assert old in SMALL
    with pytest.raises(EngineError, match=sentence):
        loaded(tmp_path, SMALL.replace(old, new, 1))


def test_a_recipe_without_a_test_is_checked_as_well(tmp_path):
    alone = SMALL.replace("[test]", "[published]").replace("steps = 7", "judge = 'magic'", 1)
    with pytest.raises(EngineError, match="There is no judge called 'magic'"):
        loaded(tmp_path, alone)


def test_recipes_are_read_without_the_heavy_libraries():
    code = f"import engine.pipeline, sys; sys.exit(bool({HEAVY} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], cwd=ASSETS.parent, check=True)


def test_an_empty_recipe_and_a_table_that_is_none(tmp_path):
    with pytest.raises(EngineError, match="asks for no stage"):
        loaded(tmp_path, 'title = "nothing"\n')
    with pytest.raises(EngineError, match=r"merge must be a table. Write \[merge\]"):
        loaded(tmp_path, "merge = 4\n[images]\n")
    with pytest.raises(EngineError, match="no file"):
        recipes.load(tmp_path / "missing.toml")
