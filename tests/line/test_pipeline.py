"""The real line in miniature: real classes, small random weights, prompts written beforehand."""
import base64
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine import pipeline
from engine.core import config
from engine.core.errors import EngineError
from engine.core.stopping import guarded
from engine.core.store import Store, read_records
from engine.core.types import Score
from engine.models import diffusion
from tests.line.miniature import results, written

ROOT = Path(__file__).parents[2]


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
    return np.array([list(base64.b64decode(score.pooled)) for score in scores])


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


def test_weights_that_are_not_there_are_missed_before_anything_is_written(recipe, tmp_path):
    other = tmp_path / "other.toml"
    model = config.read_toml(recipe)["model"]
    other.write_text(recipe.read_text().replace(model, "no such folder"))
    with pytest.raises(EngineError, match="no folder 'no such folder'"):
        list(pipeline.run(other, tmp_path / "run"))
    assert not (tmp_path / "run").exists()
