"""Files of experts and merges for other programs, and files of other programs."""
import tomllib
from dataclasses import asdict
from pathlib import Path

import pytest
from PIL import Image
from safetensors.torch import load_file

from app.tabs.merge import downloads, panes
from engine.core.config import build
from engine.core.errors import EngineError
from engine.experts import Config, Training
from engine.models import tensor_files
from engine.models.lora import expert_files

BUTTONS = ("for-diffusers", "for-comfy", "card")


@pytest.fixture
def files(run, runs_folder, studio, monkeypatch):
    """What the Files pane of the example shows."""
    monkeypatch.setenv("SELMA_EXAMPLE", str(run.folder))
    return lambda **given: studio.draw("merge", "example", {"pane-in-sight": panes.FILES, **given})


def test_files_for_both_worlds_with_their_directions(run, files, monkeypatch):
    (run.expert("styles") / "README.md").write_text("the card", encoding="utf-8")
    shown = files(**{"file-of": "styles"})
    assert shown["file-of"]["value"] == "styles" and "counting" in shown["file-of"]["choices"]
    plain, kohya, card = (Path(shown[button]["value"]) for button in BUTTONS)
    note = shown["file-note"]
    assert tensor_files.sha256(plain) == tensor_files.sha256(run.expert("styles") / expert_files.FILE_NAME)
    assert kohya.name == "styles.safetensors"
    assert any(key.startswith("lora_unet_") for key in load_file(kohya))
    assert "models/loras" in note and "<lora:styles:1>" in note and card.read_text() == "the card"
    assert all(f"`{tensor_files.sha256(file)}`" in note for file in (plain, kohya))
    monkeypatch.chdir(plain.parent)
    exec(shown["file-snippet"]["value"], {})
    assert Image.open("picture.png").size == (64, 64)
    recipe = shown["file-recipe"]
    assert recipe["visible"] == bool(recipe["value"])


def test_without_a_file_there_is_nothing_to_press(files, tmp_path, monkeypatch):
    monkeypatch.setenv("SELMA_EXAMPLE", str(tmp_path))
    shown = files()
    assert not any(shown[button]["interactive"] for button in BUTTONS)
    assert "Nothing to download" in shown["file-note"]


def test_a_file_that_was_chosen_by_hand_is_shown(run, files, studio):
    shown = studio.press("file-of", {"run": "example", "file-of": "places"}, "input")
    assert shown["file-of"]["value"] == "places" and shown["for-comfy"]["value"].endswith("places.safetensors")


def test_storybooks_files_are_offered_to_no_program_that_cannot_open_it(studio, monkeypatch):
    monkeypatch.delenv("SELMA_EXAMPLE")
    note = studio.draw("merge", "example", {"pane-in-sight": panes.FILES})["file-note"]
    assert "not Storybook" in note and "models/loras" not in note and note.count("sha256") == 1


def test_an_experts_recipe_makes_it_again():
    training = Training(rank=4, targets=("to_q",), init="kaiming", same_start=True, schedule="cosine", warmup_steps=3,
                        accumulation=2, weight_decay=0.5, max_grad_norm=2.0, patience=4, flip=True, steps=77)
    rest = {"model": "storybook", "revision": None, "objective": "denoise", "options": {}, "seed": 9,
            "precision": "bf16", "held_out": 0.2}
    made = {"kind": "expert", **asdict(training), **rest, "name": "styles", "skills": ["styles", "places"],
            "shard": [1, 5, 0], "step": 77, "images": {}}
    again = build(Config, tomllib.loads(downloads.as_recipe(made))["experts"])
    assert again.training("styles") == training and again.experts == {"styles": ["styles", "places"]}
    assert again.shards == {"styles": [1, 5, 0]} and {name: getattr(again, name) for name in rest} == rest


def test_of_an_experts_card_only_what_makes_it_stands_in_its_recipe():
    made = {"kind": "expert", "name": "styles", "skills": ["styles"], "rank": 4, "learning_rate": 1e-4, "base": {}}
    assert tomllib.loads(downloads.as_recipe(made)) == {"experts": {
        "rank": 4, "learning_rate": 1e-4, "experts": {"styles": ["styles"]}}}


def test_a_merges_recipe_makes_it_again():
    made = {"kind": "merge", "name": "m", "method": "ties", "options": {"density": 0.2}, "experts": {"a": 1.0},
            "parents": {"a": {"sha256": "0"}}, "base": {"model": "x"}}
    assert tomllib.loads(downloads.as_recipe(made)) == {"merge": {
        "name": "m", "method": "ties", "options": {"density": 0.2}, "experts": {"a": 1.0}}}


def test_an_upload_is_copied_into_the_run_before_it_is_taken_in(studio, started, runs_folder, tmp_path):
    file = tmp_path / "theirs.safetensors"
    file.write_bytes(b"weights")
    changed = studio.press("adopt-button", {"run": "mine", "adopt-file": str(file), "adopt-name": " theirs "})
    (stage, options, folder), = started
    assert stage == "adopt" and options["name"] == "theirs" and changed["run"]["value"] == "mine"
    assert Path(options["file"]).read_bytes() == b"weights" and Path(options["file"]).is_relative_to(folder)


@pytest.mark.parametrize("given, words", [
    ({"adopt-file": None}, "Choose a"), ({"adopt-file": "x.safetensors", "adopt-name": "../up"}, "cannot be")])
def test_what_cannot_be_taken_in_starts_nothing(studio, started, runs_folder, given, words):
    with pytest.raises(EngineError, match=words):
        studio.press("adopt-button", {"run": "mine", **given})
    assert not started and not runs_folder.exists()
