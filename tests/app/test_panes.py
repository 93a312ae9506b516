"""The panes of the merge tab: a grid that can be taken over, the interference report, files for other programs."""
import tomllib
from dataclasses import asdict
from pathlib import Path

import gradio as gr
import pytest
from PIL import Image
from safetensors.torch import load_file

from app.tabs import merge
from app.tabs.merge import files_pane, grid_pane, interference_pane, leave_one_out_pane, search_pane
from engine.core.config import build
from engine.core.store import write_json, write_records
from engine.experts import Config, Training
from engine.models import tensor_files
from engine.models.lora import expert_files
from engine.studies import grid
from engine.studies.search import Tried
from tests.app.example_run import SKILLS


@pytest.fixture(autouse=True)
def shown(run, runs_folder, monkeypatch):
    monkeypatch.setenv("SELMA_EXAMPLE", str(run.folder))


def test_a_grid_is_a_table_of_buttons_with_the_judges_marks(run, base):
    _, _, chosen, empty = grid_pane.show("example", SKILLS, None, None, None)
    assert "No grid yet" in empty and chosen["value"] is None
    config = grid.Config(x="counting", y="guidance scale", weights=dict.fromkeys(SKILLS, 0.3), x_values=(0.0, 1.0),
                         y_values=(1.0, 2.0, 4.0), prompts=("two red balls",), model=str(base), steps=2, name="first",
                         judge="storybook")
    assert list(grid.run(config, run))[-1].kind == "done"
    x, y, chosen, drawn = grid_pane.show("example", SKILLS, "places", "places", None)
    assert (x["value"], chosen["value"]) == ("places", "first") and y["value"] != "places"
    assert drawn.count("data-cell=") == 6 and drawn.count("%</small>") == 6
    assert "counting → · guidance scale ↓" in drawn and '<th scope="row">4</th>' in drawn
    assert grid_pane.cells_of(run, "first")[3].weights["counting"] == 1.0


def test_interference_shows_a_heat_map_and_numbers(run):
    choice, plot, told, left_out = interference_pane.show("example", None)
    assert choice["value"] == "all" and "mid_block" in choice["choices"] and plot.visible
    assert told.count("<table") == 2 and "effective rank" in told and "lose 42 %" in told and left_out == ""
    choice, *_ = interference_pane.show("example", "mid_block")
    assert choice["value"] == "mid_block"


def test_one_expert_alone_interferes_with_nobody(tmp_path, monkeypatch):
    monkeypatch.setenv("SELMA_EXAMPLE", str(tmp_path))
    *_, told, _ = interference_pane.show("example", None)
    assert "Two experts are needed" in told
    _, plain, kohya, card, note, *_ = files_pane.show("example", None)
    assert not any(button["interactive"] for button in (plain, kohya, card)) and "Nothing to download" in note


def test_leaving_one_out_is_told_with_what_it_was_measured_for(run):
    assert leave_one_out_pane.show("example") == ""
    left = {"counting": {"score": 0.6, "difference": [-0.2, -0.25, -0.15]},
            "places": {"score": 0.8, "difference": None}}
    write_json(run.folder / "left_out" / "result.json", {
        "merge": {"method": "average", "experts": {"counting": 1.0, "places": 0.5}, "guidance": 3.5}, "all": 0.8,
        "floor": 0.3, "ceiling": 0.99, "without": left})
    told = leave_one_out_pane.show("example")
    assert told.count("<tr") == 4 and "without counting" in told and "−20.0 points (−25.0 to −15.0)" in told
    assert "average of counting 1, places 0.5, at guidance 3.5" in told and "Floor 30.0, ceiling 99.0" in told


def test_a_search_shows_its_best_and_what_they_are_worth_on_test(run):
    assert "Nothing searched yet" in search_pane.show("example")[1]
    folder = run.folder / "searches" / "search-1"
    tried = [Tried("_search-1-average", {"a": 0.5, "b": 0.5}, 0.7)]
    tried += [Tried(f"_search-1-0-{n}", {"a": n / 10, "b": 0.1}, 0.6 + n / 50) for n in range(10)]
    write_records(folder / "tried.jsonl", tried)
    plot, told = search_pane.show("example")
    assert plot.visible and told.count("<tr") == 7 and "search-1-0-9" in told and "average" in told
    write_json(folder / "result.json", {"test": 0.72, "average_on_test": 0.7, "difference": [0.02, -0.01, 0.05],
                                        "verdict": "undecided", "floor": 0.3, "ceiling": 0.99})
    said = "searched 72.0, average 70.0 (floor 30.0, ceiling 99.0), a difference of +2.0 points (−1.0 to +5.0): und"
    assert said in search_pane.show("example")[1]


def test_only_the_pane_in_sight_is_filled(run):
    beside = merge.filled(merge.SIDE_BY_SIDE, "example", None, None)
    assert len(beside) == 13 and all(value == gr.skip() for value in beside)
    searched = merge.filled(merge.SEARCH, "example", None, None)
    assert searched[:4] == beside[:4] and searched[6:] == beside[6:] and searched[4:6] != beside[4:6]


def test_files_for_both_worlds_with_their_directions(run, monkeypatch):
    (run.expert("styles") / "README.md").write_text("the card", encoding="utf-8")
    choice, plain, kohya, card, note, snippet, recipe = files_pane.show("example", "styles")
    assert choice["value"] == "styles" and "counting" in choice["choices"]
    assert tensor_files.sha256(Path(plain["value"])) == tensor_files.sha256(
        run.expert("styles") / expert_files.FILE_NAME)
    assert Path(kohya["value"]).name == "styles.safetensors"
    assert any(key.startswith("lora_unet_") for key in load_file(kohya["value"]))
    assert "models/loras" in note and "<lora:styles:1>" in note and Path(card["value"]).read_text() == "the card"
    assert all(f"`{tensor_files.sha256(Path(button['value']))}`" in note for button in (plain, kohya))
    monkeypatch.chdir(Path(plain["value"]).parent)
    exec(snippet["value"], {})
    assert Image.open("picture.png").size == (64, 64)
    assert recipe["visible"] == bool(recipe["value"])
    made = {"kind": "expert", "name": "styles", "skills": ["styles"], "rank": 4, "learning_rate": 1e-4, "base": {}}
    assert tomllib.loads(files_pane.as_recipe(made)) == {"experts": {
        "rank": 4, "learning_rate": 1e-4, "experts": {"styles": ["styles"]}}}


def test_storybooks_files_are_offered_to_no_program_that_cannot_open_it(monkeypatch):
    monkeypatch.delenv("SELMA_EXAMPLE")
    note = files_pane.show("example", None)[4]
    assert "not Storybook" in note and "models/loras" not in note and note.count("sha256") == 1


def test_an_experts_recipe_makes_it_again():
    training = Training(rank=4, targets=("to_q",), init="kaiming", same_start=True, schedule="cosine", warmup_steps=3,
                        accumulation=2, weight_decay=0.5, max_grad_norm=2.0, patience=4, flip=True, steps=77)
    rest = {"model": "storybook", "revision": None, "objective": "denoise", "options": {}, "seed": 9,
            "precision": "bf16", "held_out": 0.2}
    made = {"kind": "expert", **asdict(training), **rest, "name": "styles", "skills": ["styles", "places"],
            "shard": [1, 5, 0], "step": 77, "images": {}}
    again = build(Config, tomllib.loads(files_pane.as_recipe(made))["experts"])
    assert again.training("styles") == training and again.experts == {"styles": ["styles", "places"]}
    assert again.shards == {"styles": [1, 5, 0]} and {name: getattr(again, name) for name in rest} == rest


def test_a_merges_recipe_makes_it_again():
    made = {"kind": "merge", "name": "m", "method": "ties", "options": {"density": 0.2}, "experts": {"a": 1.0},
            "parents": {"a": {"sha256": "0"}}, "base": {"model": "x"}}
    assert tomllib.loads(files_pane.as_recipe(made)) == {"merge": {
        "name": "m", "method": "ties", "options": {"density": 0.2}, "experts": {"a": 1.0}}}
