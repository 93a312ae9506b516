"""The panes of the merge tab: a grid that can be taken over, the interference report, what a search found."""
from types import SimpleNamespace

import gradio as gr
import pytest

from app.tabs.merge import grid_pane, panes
from engine import runs
from engine.core.errors import EngineError
from engine.core.store import write_json, write_records
from engine.studies import grid, results
from engine.studies.candidates import Candidate
from tests.app.example_run import SKILLS


@pytest.fixture(autouse=True)
def on_the_run(run, runs_folder, monkeypatch):
    monkeypatch.setenv("SELMA_EXAMPLE", str(run.folder))


@pytest.fixture
def pane(studio):
    """What a pane of the example shows, once it is in sight."""
    return lambda name, **given: studio.draw("merge", "example", {"pane-in-sight": name, **given})


def test_a_grid_is_a_table_of_buttons_with_the_judges_marks(run, base, pane):
    nothing = pane(panes.GRID)
    assert "No grid yet" in nothing["grid"] and nothing["grid-name"]["value"] is None
    config = grid.Config(x="counting", y="guidance scale", weights=dict.fromkeys(SKILLS, 0.3), x_values=(0.0, 1.0),
                         y_values=(1.0, 2.0, 4.0), prompts=("two red balls",), model=str(base), steps=2, name="first",
                         judge="storybook")
    assert list(grid.run(config, run))[-1].kind == "done"
    shown = pane(panes.GRID, **{"grid-x": "places", "grid-y": "places"})
    assert (shown["grid-x"]["value"], shown["grid-name"]["value"]) == ("places", "first")
    assert shown["grid-y"]["value"] != "places"
    html = shown["grid"]
    assert html.count("data-cell=") == 6 and html.count("%</small>") == 6
    assert "counting → · guidance scale ↓" in html and '<th scope="row">4</th>' in html


@pytest.fixture
def painted(run):
    """A grid of two cells whose pictures are gone."""
    config = grid.Config(x="counting", y="places", weights=dict.fromkeys(SKILLS, 0.3), x_values=(0.0, 0.5),
                         y_values=(4.0,), name="second")
    folder = run.folder / "grids" / "second"
    write_records(folder / grid.CELLS, grid.plan(config))
    write_json(folder / grid.RECIPE, {"recipe": {"x": "counting", "y": "places"}})
    return "second"


def test_a_cell_that_is_pressed_gives_its_weights(studio, painted):
    def take(number, name=painted):
        click = gr.EventData(None, {"cell": number})
        given = {"run": "example", "experts": list(SKILLS), "grid-name": name}
        return studio.press("grid", given, "select", click=click)

    changed = take(1)
    assert (changed["weight-0"]["value"], changed["weight-1"]["value"]) == (0.5, 4.0)
    assert changed["weight-1"]["maximum"] == 4.0, "its slider is made longer"
    assert changed["merge-method"]["value"] == "weighted" and changed["merge-guidance"]["value"] == 3.5
    assert take(2) == take(-1) == take(0, None) == {}


def test_another_grid_is_drawn_and_the_picture_it_lost_is_an_empty_frame(studio, painted):
    html = studio.press("grid-name", {"run": "example", "grid-name": painted}, "input")["grid"]
    assert html.count("data-cell=") == 2 and html.count('class="frame"') == 2


def test_paint_the_grid_starts_with_the_weights_in_sight(studio, started, run):
    changed = studio.press("paint-grid", {
        "run": "example", "experts": ["counting", "places"], "weight-0": 0.5, "weight-1": 2.0,
        "merge-prompt": "a star", "merge-noise": 7, "merge-method": "weighted",
        "grid-x": "counting", "grid-y": "places", "grid-x-values": "0, 1"})
    (stage, options, _), = started
    assert stage == "grid" and options["weights"] == {"counting": 0.5, "places": 2.0}
    assert (options["prompts"], options["seed"], options["x_values"]) == (("a star",), 7, (0.0, 1.0))
    assert options["name"] not in results.grids(run) and changed["grid-name"] is None


@pytest.mark.parametrize(("text", "values"), [("0, 0.5; 1", (0.0, 0.5, 1.0)), ("", ()), ("-1", (-1.0,))])
def test_axis_values_are_read(text, values):
    assert grid_pane.numbers(text) == values


@pytest.mark.parametrize("text", ["a, b", "nan, 1", "1, inf", "1e999"])
def test_what_is_no_number_is_no_value_of_a_grid(text):
    with pytest.raises(EngineError, match="with commas between"):
        grid_pane.numbers(text)


def test_interference_shows_a_heat_map_and_numbers(run, pane):
    shown = pane(panes.INTERFERENCE)
    block, html = shown["interference-block"], shown["interference"]
    assert block["value"] == "all" and "mid_block" in block["choices"] and shown["interference-plot"]["visible"]
    assert html.count("<table") == 2 and "effective rank" in html and "lose 42 %" in html
    assert shown["left-out"] == ""
    other = pane(panes.INTERFERENCE, **{"interference-block": "mid_block"})
    assert other["interference-block"]["value"] == "mid_block"


def test_one_expert_alone_interferes_with_nobody(pane, tmp_path, monkeypatch):
    monkeypatch.setenv("SELMA_EXAMPLE", str(tmp_path))
    assert "Two experts are needed" in pane(panes.INTERFERENCE)["interference"]


def test_leaving_one_out_is_told_with_what_it_was_measured_for(run, pane):
    left = {"counting": {"score": 0.6, "difference": [-0.2, -0.25, -0.15]},
            "places": {"score": 0.8, "difference": None}}
    write_json(run.folder / "left_out" / "result.json", {
        "merge": {"method": "average", "experts": {"counting": 1.0, "places": 0.5}, "guidance": 3.5}, "all": 0.8,
        "floor": 0.3, "ceiling": 0.99, "without": left})
    told = pane(panes.INTERFERENCE)["left-out"]
    assert told.count("<tr") == 4 and "without counting" in told and "−20.0 points (−25.0 to −15.0)" in told
    assert "average of counting 1, places 0.5, at guidance 3.5" in told and "Floor 30.0, ceiling 99.0" in told


def test_experts_are_left_out_of_the_merge_in_sight(studio, started):
    studio.press("leave-one-out", {"run": "example", "experts": ["counting", "places"], "weight-0": 0.5,
                                   "weight-1": 1.0, "merge-method": "average", "merge-guidance": 2.0})
    (stage, options, _), = started
    assert stage == "leave_one_out" and options["experts"] == {"counting": 0.5, "places": 1.0}
    assert (options["method"], options["guidance"]) == ("average", 2.0)


def test_a_search_begins_with_the_experts_in_sight(studio, started, run):
    (run.folder / "searches" / "search-1").mkdir(parents=True, exist_ok=True)
    studio.press("search-weights", {"run": "example", "experts": ["counting", "places"], "search-generations": 3})
    (stage, options, _), = started
    assert stage == "search" and options["experts"] == ("counting", "places") and options["generations"] == 3
    assert options["name"] == "search-2", "the first that is free"


def test_a_search_shows_its_best_and_what_they_are_worth_on_test(run, pane):
    assert "Nothing searched yet" in pane(panes.SEARCH)["search-result"]
    folder = run.folder / "searches" / "search-1"
    tried = [Candidate("_search-1-average", {"a": 0.5, "b": 0.5}, 0.7)]
    tried += [Candidate(f"_search-1-0-{n}", {"a": n / 10, "b": 0.1}, 0.6 + n / 50) for n in range(10)]
    write_records(folder / "tried.jsonl", tried)
    shown = pane(panes.SEARCH)
    html = shown["search-result"]
    assert shown["search-plot"]["visible"] and html.count("<tr") == 7, "the head, and the best six with the average"
    assert "search-1-0-9" in html and "average" in html
    write_json(folder / "result.json", {"test": 0.72, "average_on_test": 0.7, "difference": [0.02, -0.01, 0.05],
                                        "verdict": "undecided", "floor": 0.3, "ceiling": 0.99,
                                        "weights": {"a": 0.5, "b": 0.5}})
    said = "searched 72.0, average 70.0 (floor 30.0, ceiling 99.0), a difference of +2.0 points (−1.0 to +5.0): und"
    assert said in pane(panes.SEARCH)["search-result"]


def test_only_the_pane_in_sight_is_filled(pane):
    slow = {"interference", "search-result", "file-of"}
    identity = pane(panes.SIDE_BY_SIDE)["drawn-for"]
    assert not slow & pane(panes.SIDE_BY_SIDE, **{"drawn-for": identity}).keys()
    assert slow & pane(panes.SEARCH, **{"drawn-for": identity}).keys() == {"search-result"}


SAY = {panes.FILES: "file-note", panes.INTERFERENCE: "interference", panes.SEARCH: "search-result"}
"""Where a pane says what there is, or that there is nothing."""
EMPTY = ("Nothing to download", "Two experts are needed", "Nothing searched yet")


@pytest.mark.parametrize("element", SAY.values())
def test_before_a_pane_is_filled_it_says_that_it_waits_and_not_that_it_is_empty(studio, element):
    said = studio.blocks[element].value
    assert said and not any(words in said for words in EMPTY)
    filling, = studio.listeners("merge-views", "select")
    assert filling.show_progress == "hidden", "Gradio would fade what is said"


def test_with_other_experts_the_panes_out_of_sight_wait_again(pane, studio):
    shown = pane(panes.FILES)
    assert all(shown[element] == studio.blocks[element].value for element in ("interference", "search-result"))
    assert shown["file-note"] != studio.blocks["file-note"].value and shown["for-diffusers"]["interactive"]
    again = pane(panes.FILES, **{"drawn-for": shown["drawn-for"]})
    assert not {"interference", "search-result"} & again.keys(), "what was filled stays"


@pytest.mark.parametrize("name", SAY)
def test_a_pane_that_cannot_be_filled_says_why_instead_of_waiting(studio, name, monkeypatch):
    def damaged(run):
        raise EngineError("recipe.json is damaged. Delete it.")
    monkeypatch.setattr(runs, "open_store", damaged)
    selected = SimpleNamespace(index=panes.NAMES.index(name))
    opened = studio.press("merge-views", {"run": "example"}, "select", selected=selected)
    assert "recipe.json is damaged" in opened[SAY[name]] and opened["pane-in-sight"] == name


@pytest.mark.parametrize("name", panes.NAMES)
def test_a_pane_that_is_opened_is_filled_and_is_the_one_in_sight(studio, name):
    titles = [block.label for block in studio.blocks["merge-views"].children]
    selected = SimpleNamespace(index=panes.NAMES.index(name))
    opened = studio.press("merge-views", {"run": "example"}, "select", selected=selected)
    assert opened["pane-in-sight"] == name and titles[selected.index].lower().replace(" ", "-") == name


def test_a_new_runs_panes_say_what_to_do(studio):
    shown = studio.draw("merge", runs.NEW, {"pane-in-sight": panes.FILES})
    assert "Nothing to download" in shown["file-note"] and shown["experts"] == []
