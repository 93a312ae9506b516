"""The real line in miniature: real classes, small random weights, prompts written beforehand."""
import base64
import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine import pipeline, run_folder
from engine.core import config
from engine.core.errors import EngineError
from engine.core.running import guarded
from engine.core.store import Store, read_records, write_records
from engine.core.types import Prompt, Score
from engine.models import diffusion, tensor_files
from tests.tiny_models import tiny_stable_diffusion

ROOT = Path(__file__).parent.parent
TEXTS = {"counting": ("three red balls", "two blue stars at night", "four green trees"),
         "styles": ("a striped picture of a red heart", "an outline drawing of a blue boat", "a filled star")}
RECIPE = """
title = "in miniature"
model = "MODEL"
skills = ["counting", "styles"]

[prompts]
count = 3

[images]
steps = 2

[experts]
rank = 2
learning_rate = 0.05
steps = 6
batch_size = 2
log_every = 1
checkpoint_every = 2
sample_every = 0

[experts.experts]
counting = ["counting"]
styles = ["styles"]

[merge.experts]
counting = 1.0
styles = 1.0

[evaluate]
steps = 2
guidances = [1.0, 3.0]
prompts_per_skill = 2

[evaluate.models]
base = {}
merged = { counting = 0.5, styles = 0.5 }
file = { merged = 1.0 }

[validation]
keep_pictures = 0

[test]
pictures_per_prompt = 2

[deviations]
all = "of it"
"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recipe")
    (folder / "mini.toml").write_text(RECIPE.replace("MODEL", str(tiny_stable_diffusion(folder / "model"))))
    return folder / "mini.toml"


@pytest.fixture(scope="module")
def finished(recipe, tmp_path_factory):
    """One whole run, and its events."""
    out = written(tmp_path_factory.mktemp("finished"))
    return out, list(guarded(pipeline.run(recipe, out)))


@pytest.fixture
def copied(finished, tmp_path):
    shutil.copytree(finished[0], tmp_path, dirs_exist_ok=True)
    return tmp_path


def written(out):
    """A run folder whose prompts someone has written."""
    for skill, texts in TEXTS.items():
        write_records(Store(out).prompts(skill), [Prompt(f"{skill}-{i}", skill, t) for i, t in enumerate(texts)])
    return out


def results(out):
    """What every result file holds, by its path; the header of a safetensors file has no fixed order."""
    weights = [*out.glob("experts/*/*.safetensors"), *out.glob("merges/*/*.safetensors")]
    others = [*out.glob("scores/**/*.jsonl"), *out.glob("images/*/*.png"), *out.glob("experts/*/losses.jsonl")]
    found = {path: {key: tensor.numpy().tobytes() for key, tensor in tensor_files.read(path)[0].items()}
             for path in weights} | {path: path.read_bytes() for path in others}
    return {str(path.relative_to(out)): content for path, content in found.items()}


def stages(events):
    return list(dict.fromkeys(event.data["stage"] for event in events if "stage" in event.data))


def test_the_whole_line_ends_in_a_table(finished):
    out, events = finished
    assert stages(events) == ["prompts", "images", "experts", "merge", "validation", "test", "table"]
    assert [event.kind for event in events].count("done") == 1
    last = events[-1]
    assert last.kind == "done", last.text
    assert [line["arm"] for line in last.data["lines"]] == ["base", "merged", "file", "ceiling"]
    head, *rows = last.text.strip().splitlines()
    assert head.split()[:5] == ["arm", "guidance", "counting", "styles", "DSG"] and len(rows) == 4
    assert set(last.data["guidance"]) == {"base", "merged", "file"}


def test_each_arm_is_tested_at_the_scale_that_validation_chose(finished):
    out, events = finished
    scales = events[-1].data["guidance"]
    assert set(scales.values()) <= {1.0, 3.0}
    tested = {path.parts[-3] for path in out.glob("scores/*/test/storybook.jsonl")} - {"ceiling"}
    assert tested == {f"{arm}@{scale:g}" for arm, scale in scales.items()}
    assert {line["arm"]: line["guidance"] for line in events[-1].data["lines"][:-1]} == scales


def test_weights_named_in_the_recipe_paint_what_the_merged_file_paints(finished):
    base, merged, file = (pixels(finished[0], f"{arm}@3") for arm in ("base", "merged", "file"))
    assert np.abs(merged - file).max() <= 1
    assert np.abs(merged - base).max() > 0


def pixels(out, model):
    scores = read_records(Store(out).scores(model, "validation/storybook"), Score)
    return np.array([list(base64.b64decode(score.evidence["pooled"])) for score in scores])


def test_the_run_folder_says_what_made_it_and_is_a_recipe_itself(finished, recipe, tmp_path):
    made_with = config.read_toml(finished[0] / "recipe.toml")["made_with"]
    assert {"torch", "diffusers", "peft", "transformers", "python", "engine"} <= set(made_with)
    assert any(name.startswith("weights of ") and len(value) == 64 for name, value in made_with.items())
    again = written(tmp_path)
    next(iter(pipeline.run(finished[0] / "recipe.toml", again)))
    ours, theirs = ((folder / "recipe.toml").read_text() for folder in (again, finished[0]))
    assert ours.split("[made_with]")[0] == theirs.split("[made_with]")[0] and ours.count("[made_with]") == 1


def test_a_finished_run_tells_its_table_again_and_paints_nothing(finished, recipe, monkeypatch):
    before = results(finished[0])
    monkeypatch.setattr(diffusion, "load", lambda *_, **__: pytest.fail("everything is finished"))
    events = list(guarded(pipeline.run(recipe, finished[0])))
    assert events[-1].kind == "done" and events[-1].text == finished[1][-1].text
    assert results(finished[0]) == before


def test_a_killed_run_goes_on_to_the_same_results(finished, recipe, tmp_path):
    out = written(tmp_path)
    command = [sys.executable, "-u", "-m", "engine", "run", str(recipe), "--out", str(out)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        for line in process.stdout:
            if "experts: Step 4 of 6" in line:
                process.send_signal(signal.SIGKILL)
                break
    assert process.returncode == -signal.SIGKILL and not list(out.glob("scores/*/test/*"))
    events = list(guarded(pipeline.run(recipe, out)))
    assert events[-1].kind == "done", events[-1].text
    assert results(out) == results(finished[0])


def test_a_stopped_run_saves_and_does_not_go_on_with_the_next_stage(recipe, tmp_path):
    out, told = written(tmp_path), []
    for event in guarded(pipeline.run(recipe, out), lambda: any("Step 3 of 6" in text for text in told)):
        told.append(event.text)
    assert event.kind == "stopped" and "start again" in event.text
    assert list(out.glob("experts/*/checkpoint.safetensors")) and not (out / "merges").exists()


def test_a_run_begun_with_another_recipe_is_refused_by_name(copied, recipe, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "other.toml"
    before = results(copied)
    other.write_text(recipe.read_text().replace("rank = 2", "rank = 3").replace("count = 3", "count = 4"))
    with pytest.raises(EngineError, match=r"another recipe \(experts.rank 2 -> 3, prompts.count 3 -> 4\)"):
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
    file = copied / run_folder.FILE_NAME
    made_with = config.read_toml(file)["made_with"]
    file.write_text(file.read_text().replace(f'torch = "{made_with["torch"]}"', 'torch = "2.0"'))
    first = next(iter(pipeline.run(recipe, copied)))
    assert "begun with other versions (" in first.text and "torch 2.0 -> " in first.text


def test_weights_that_are_not_there_are_missed_before_anything_is_written(recipe, tmp_path):
    other = tmp_path / "other.toml"
    model = config.read_toml(recipe)["model"]
    other.write_text(recipe.read_text().replace(model, "no such folder"))
    with pytest.raises(EngineError, match="no folder 'no such folder'"):
        list(pipeline.run(other, tmp_path / "run"))
    assert not (tmp_path / "run").exists()
