"""Sliders follow the experts; presets, saved merges and the way back move them."""
import json

import pytest

from app.tabs.merge import saved_view, undo_steps
from engine import runs
from engine.core.errors import EngineError
from engine.merge import preview_weights
from tests.app.example_run import SKILLS

SLIDERS = [f"weight-{number}" for number in range(12)]


@pytest.fixture(autouse=True)
def on_the_run(run, runs_folder, monkeypatch):
    monkeypatch.setenv("SELMA_EXAMPLE", str(run.folder))


def test_sliders_follow_the_experts_and_keep_what_was_slid(studio):
    shown = studio.draw("merge", "example")
    assert shown["experts"] == list(SKILLS)
    assert [shown[name]["visible"] for name in SLIDERS] == [True] * 3 + [False] * 9
    assert (shown["weight-0"]["label"], shown["weight-0"]["value"]) == ("counting", 1)
    assert "average of counting 0.333" in shown["merges"] and "SELMA: equal shares" in shown["preset"]["choices"]
    given = {"drawn-for": shown["drawn-for"]}
    again = studio.draw("merge", "example", given)
    assert again["drawn-for"] == shown["drawn-for"]
    assert not any({"value", "minimum", "maximum"} & again[name].keys() for name in SLIDERS)
    copy = studio.draw("merge", runs.writable("example"), given)
    assert copy["drawn-for"] == shown["drawn-for"] and "value" not in copy["weight-0"], (
        "working on the example goes on with its sliders")


def test_a_preset_moves_every_slider_and_an_expert_it_does_not_name_to_none(studio):
    given = {"run": "example", "experts": [*SKILLS, "other"], "preset": "merged"}
    changed = studio.press("preset", given, "input")
    assert [changed[f"weight-{n}"]["value"] for n in range(4)] == [1 / 3, 1 / 3, 1 / 3, 0.0]
    assert "weight-4" not in changed and changed["merge-method"]["value"] == "average"
    assert changed["preset"]["info"] == "a merge saved before"
    assert studio.press("preset", {**given, "preset": None}, "input") == {}


def test_a_damaged_merge_is_told_beside_the_others():
    store = runs.open_store(runs.writable("example"))
    store.merge("broken").mkdir()
    (store.merge("broken") / "recipe.json").write_text("[]")
    html = saved_view.view(store.folder.name, most_sliders=12)
    assert "recipe.json is damaged" in html and "average of counting" in html


def test_experts_without_a_slider_are_named():
    assert "first 2 experts. Without one: styles." in saved_view.view("example", most_sliders=2)


@pytest.fixture
def undo(studio):
    """Goes back to a step of these values by element id; the others stand as they began."""
    listener, = (one for one in studio.demo.fns.values() if one.name == "go_back")
    controls = listener.fn.__self__.controls

    def back(**moved):
        given = {name.replace("_", "-"): value for name, value in moved.items()}
        now = [given.get(control.elem_id, control.value) for control in controls]
        way = studio.blocks["way-back"]
        answered = listener.fn({way: json.dumps([{"now": now, "moved": "", "at": 0}])})
        return {component.elem_id: update for component, update in answered.items()}

    return back


def test_undo_puts_everything_where_it_stood(undo):
    back = undo(weight_0=2.5, merge_guidance=6.0, merge_method="ties")
    assert back["weight-0"] == {"__type__": "update", "value": 2.5, "minimum": -1.0, "maximum": 2.5}
    assert back["weight-1"]["value"] == 1 and back["merge-guidance"] == 6.0 and back["merge-method"] == "ties"
    assert back["preset"]["value"] is None


def test_where_nothing_has_moved_undo_changes_nothing(studio):
    assert undo_steps.last_stand("", []) == {} == undo_steps.last_stand("[]", [])
    listener, = (one for one in studio.demo.fns.values() if one.name == "go_back")
    assert listener.fn({studio.blocks["way-back"]: ""}) == {"__type__": "update"}


def test_only_a_sum_can_be_a_grid():
    assert preview_weights.coefficients("average", {"strength": 2.0}, {"a": 1.0, "b": 3.0}) == {"a": 0.5, "b": 1.5}
    with pytest.raises(EngineError, match="Choose average or weighted"):
        preview_weights.coefficients("ties", {}, {"a": 1.0})
