"""What of a begun run's recipe may change, and what is refused by name."""
import json
import shutil
from pathlib import Path

import pytest

from engine import pipeline
from engine.core import config
from engine.core.errors import EngineError
from engine.runs import resume
from tests.line.miniature import results, written


def test_a_run_begun_with_another_recipe_is_refused_by_name(copied, recipe, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "other.toml"
    before = results(copied)
    other.write_text(recipe.read_text().replace("rank = 2", "rank = 3").replace("count = 3", "count = 4"))
    with pytest.raises(EngineError, match=r"experts.rank 2 -> 3, .*count 3 -> 4"):
        list(pipeline.run(other, copied))
    assert results(copied) == before


def changed(recipe, folder, **replaced):
    """The recipe with texts replaced, elsewhere."""
    text = recipe.read_text()
    for old, new in replaced.values():
        assert old in text
        text = text.replace(old, new)
    (folder / "changed.toml").write_text(text)
    return folder / "changed.toml"


def test_what_errors_advise_to_change_may_change_on_the_way(copied, recipe, tmp_path_factory):
    before = results(copied)
    other = changed(recipe, tmp_path_factory.mktemp("other"), rounds=("count = 3", "count = 3\nmax_rounds = 900"),
                    batch=("[images]\nsteps = 2", "[images]\nsteps = 2\nbatch_size = 1"),
                    memory=("checkpoint_every = 2", "checkpoint_every = 3\nrecompute = true"))
    assert list(pipeline.run(other, copied))[-1].kind == "done" and results(copied) == before
    assert config.read_toml(copied / "recipe.toml")["experts"]["recompute"], "the run says what it follows now"


def test_a_stage_that_has_made_nothing_may_still_change(copied, recipe, tmp_path_factory):
    """A misspelt model or a rank too large is corrected, and what lies before is kept."""
    before = results(copied)
    for part in ("experts", "merges", "scores"):
        shutil.rmtree(copied / part)
    other = changed(recipe, tmp_path_factory.mktemp("other"), rank=("rank = 2", "rank = 3"))
    assert list(pipeline.run(other, copied))[-1].kind == "done"
    kept = {path: content for path, content in before.items() if path.startswith("images")}
    assert kept and kept.items() <= results(copied).items()


def test_a_run_can_grow(copied, recipe, tmp_path_factory):
    before = results(copied)
    other = changed(recipe, tmp_path_factory.mktemp("other"), experts=(
        'styles = ["styles"]', 'styles = ["styles"]\nboth = ["counting", "styles"]'),
        models=("base = {}", "base = {}\nboth = { both = 1.0 }"))
    assert [line["arm"] for line in list(pipeline.run(other, copied))[-1].data["lines"]][:2] == ["base", "both"]
    assert before.items() <= results(copied).items()


def test_a_stage_may_be_told_to_replace_what_it_made(copied, recipe, tmp_path_factory):
    other = changed(recipe, tmp_path_factory.mktemp("other"), scores=(
        "steps = 2\nguidances", "steps = 3\nreplace = true\nguidances"))
    assert list(pipeline.run(other, copied))[-1].kind == "done"


@pytest.mark.parametrize("name", ["back\\slash", 'a "quoted" one'])
def test_a_model_of_any_name_can_be_resumed(recipe, tmp_path, name):
    """Windows' paths have backslashes; TOML wants them quoted."""
    model = Path(config.read_toml(recipe)["model"])
    (tmp_path / name).symlink_to(model)
    own = tmp_path / "own.toml"
    own.write_text(recipe.read_text().replace(json.dumps(str(model)), json.dumps(str(tmp_path / name))))
    out = written(tmp_path / "run")
    for _ in range(2):
        assert "prompts for counting, styles" in next(iter(pipeline.run(own, out))).text
    assert f"weights of {tmp_path / name}" in config.read_toml(out / "recipe.toml")["made_with"]


def test_what_is_for_the_reader_may_change(copied, recipe, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "other.toml"
    other.write_text(recipe.read_text().replace("in miniature", "renamed").replace("of it", "with better words"))
    assert list(pipeline.run(other, copied))[-1].kind == "done"


def test_changed_versions_are_told(copied, recipe):
    file = copied / resume.FILE_NAME
    made_with = config.read_toml(file)["made_with"]
    file.write_text(file.read_text().replace(f'torch = "{made_with["torch"]}"', 'torch = "2.0"'))
    first = next(iter(pipeline.run(recipe, copied)))
    assert "begun with other versions (" in first.text and "torch 2.0 -> " in first.text
