"""Files of experts and merges for other programs, and files of other programs."""
from pathlib import Path

import pytest
from diffusers import SD3Transformer2DModel
from PIL import Image
from safetensors.torch import load_file

from app.tabs.merge import panes
from engine import runs
from engine.core.errors import EngineError
from engine.core.store import write_json
from engine.models import families, tensor_files
from engine.models.lora import expert_files
from engine.models.lora.factors import Lora, target_layers
from tests.tiny_models import tiny_sd3

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


@pytest.fixture
def sd3_run(run, runs_folder, tmp_path_factory):
    """A run with an expert of Stable Diffusion 3."""
    base = tiny_sd3(tmp_path_factory.mktemp("sd3"))
    store = runs.open_store("mine")
    network = SD3Transformer2DModel.from_pretrained(base / "transformer")
    lora = Lora(rank=2, alpha=2.0)
    made_with = {"name": "styles", "base": {"model": str(base), **families.recipe_fields_of(base)}}
    expert = lora.expert(target_layers(network, lora.targets), "styles", seed=0)
    expert_files.write(store.expert("styles"), expert, made_with)
    write_json(store.expert("styles") / "recipe.json", made_with)
    return store


def test_of_stable_diffusion_3_only_the_file_is_offered_that_can_hold_it(studio, sd3_run):
    shown = studio.draw("merge", "mine", {"pane-in-sight": panes.FILES})
    plain, kohya = shown["for-diffusers"], shown["for-comfy"]
    assert plain["visible"] and plain["interactive"]
    assert Path(plain["value"]).read_bytes() == (sd3_run.expert("styles") / expert_files.FILE_NAME).read_bytes()
    assert not kohya["visible"] and kohya["value"] is None
    note = shown["file-note"]
    assert "no names for the layers of Stable Diffusion 3" in note and "models/loras" not in note
    assert note.count("`") == 2, "one hash, of the one file"
    again = studio.draw("merge", "example", {"pane-in-sight": panes.FILES})
    assert again["for-comfy"]["visible"]


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
