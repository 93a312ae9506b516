"""The bar: the whole line on one button, its progress, cancel and go on; and what redraws the page."""
import gradio as gr
import pytest

from app import refresh, run_bar
from app.page import Page
from engine import jobs
from engine.core import store
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.jobs import Job


def job(folder, state="running", last=None, stage="pipeline", run="mine"):
    return Job(folder / run / "jobs" / f"0001-{stage}", run, stage, state, last)


@pytest.fixture
def working(runs_folder, monkeypatch):
    """Make a job be the last one of its run; returns it."""
    def put(**facts):
        made = job(runs_folder, **facts)
        store.write_json(made.folder / "config.json", {"store": "x", "config": {"recipe": "r.toml"}})
        monkeypatch.setattr(jobs, "listed", lambda: [made])
        return made
    return put


def test_the_quick_recipe_is_offered_first():
    assert run_bar.recipes()[0] == "storybook-quick" and "sdxl" in run_bar.recipes()
    assert run_bar.title_of("sdxl") == "sdxl · SELMA on Stable Diffusion XL, as published"


def test_a_recipe_without_a_title_is_offered_by_its_name(tmp_path, monkeypatch):
    monkeypatch.setenv("SELMA_RECIPES", str(tmp_path))
    (tmp_path / "bare.toml").write_text("seed = 1")
    (tmp_path / "broken.toml").write_text("seed = = 1")
    assert [run_bar.title_of(name) for name in run_bar.recipes()] == ["bare", "broken"]


def test_the_whole_line_starts_a_run_of_its_own(started, runs_folder):
    chosen = run_bar.start("storybook-quick")
    (stage, config, folder), = started
    assert stage == "pipeline" and config["recipe"].endswith("assets/recipes/storybook-quick.toml")
    assert folder == runs_folder / "storybook-quick-1" and chosen["value"] == "storybook-quick-1"


def test_a_second_job_is_refused_with_a_sentence(runs_folder, monkeypatch):
    monkeypatch.setattr(jobs, "running", lambda: job(runs_folder))
    with pytest.raises(gr.Error, match="still working"):
        run_bar.start("storybook-quick")


def test_the_strip_shows_what_is_there_and_where_the_work_is(working):
    last = Event("experts: Step 3 of 9 <b>", 3, 9, data={"stage": "experts"})
    html = run_bar.strip("example", working(last=last), None)
    assert '<li class="done"><b>Prompts</b><span>12</span></li>' in html
    assert '<li class="working"><b>Experts</b>' in html and 'value="3" max="9"' in html and "&lt;b&gt;" in html


@pytest.mark.parametrize("stage", ["validation", "test"])
def test_both_splits_are_the_evaluate_station(working, stage):
    html = run_bar.strip("example", working(last=Event("x", data={"stage": stage})), None)
    assert '<li class="working"><b>Evaluate</b>' in html


def test_a_job_without_a_word_yet_is_starting(working):
    assert "Starting images" in run_bar.strip("example", working(stage="images"), None)


@pytest.mark.parametrize("state, cancel, resume", [
    ("running", True, False), ("done", False, False), ("stopped", False, True), ("error", False, True)])
def test_the_buttons_fit_the_state(working, state, cancel, resume):
    working(state=state, last=Event("so far", kind=state))
    _, first, second = run_bar.shown("mine")
    assert (first["visible"], second["visible"]) == (cancel, resume)


def test_work_on_another_run_is_told(working):
    working(run="other", last=Event("painting", 1, 2))
    html, cancel, _ = run_bar.shown("mine")
    assert "Run other: painting" in html and cancel["visible"]


def test_going_on_starts_the_same_job_again(working, started, runs_folder):
    working(state="stopped")
    run_bar.go_on("mine")
    assert started == [("pipeline", {"recipe": "r.toml"}, runs_folder / "mine")]


def test_the_mark_changes_with_every_event(working):
    made = working(last=Event("a"))
    before = run_bar.mark("mine")
    assert run_bar.mark("mine") == before
    store.write_text(made.folder / "events.jsonl", "{}\n")
    assert run_bar.mark("mine") != before != run_bar.mark("other")


@pytest.fixture
def watch(monkeypatch):
    """Two tabs; the first shows its run and its input."""
    with gr.Blocks():
        run, kept, drawn, other = gr.Dropdown(), gr.State("in"), gr.Textbox(), gr.Textbox()
    monkeypatch.setattr(run_bar, "shown", lambda run: ["strip"])
    monkeypatch.setattr(run_bar, "mark", lambda run: f"mark of {run}")
    pages = {"a": Page([kept], [drawn], lambda run, kept: [f"{run} {kept}"]), "b": Page([], [other], lambda run: ["b"])}
    return refresh.Beat(run_bar.Line(run, [gr.HTML()]), pages)


def test_only_the_open_tab_is_redrawn_and_only_when_something_is_new(watch):
    skip = gr.skip()
    assert watch.redraw("mine", "a", "", "in") == ["mark of mine", "strip", "mine in", skip]
    assert watch.open("mine", "b", "", "in") == ["mark of mine", "strip", skip, "b"]
    assert watch.tick("mine", "a", "other", "in")[1:3] == ["strip", "mine in"]
    assert watch.tick("mine", "a", "mark of mine", "in") == watch.tick(None, "a", "", "in") == [skip] * 4
    assert watch.redraw(None, "a", "", "in") == ["", skip, skip, skip]


def test_which_tab_is_open_is_read_from_the_page_and_never_set(demo):
    """A slow drawing that ends late must not bring an older tab back."""
    drawing = [fn for fn in demo.fns.values() if fn.name in ("tick", "redraw", "open")]
    assert len(drawing) == 3 and {fn.js for fn in drawing} == {refresh.WITH_TAB}
    opened, = {fn.inputs[1] for fn in drawing}
    assert not [fn for fn in demo.fns.values() if opened in fn.outputs]


def test_a_damaged_run_is_told_once_and_where_the_progress_stands(watch, monkeypatch):
    def damaged(run):
        raise EngineError("recipe.json is damaged. Delete it.")
    monkeypatch.setattr(run_bar, "shown", damaged)
    mark, strip, *_ = watch.redraw("mine", "a", "", "in")
    assert 'role="alert"' in strip and "Delete it" in strip
    assert watch.tick("mine", "a", mark, "in") == [gr.skip()] * 4


@pytest.mark.parametrize("stage, last, words", [
    ("pipeline", "\nmodel  macro\nbase   0.5", "Done: every stage of the recipe. See who is better in Evaluate"),
    ("prompts", "200 prompts for places.", "Done: 200 prompts for places. Next: paint them"),
    ("unheard-of", "", "Done: every stage")])
def test_the_end_says_so_and_what_comes_next(working, stage, last, words):
    """The whole line's last words are a table, which begins with an empty line."""
    html = run_bar.strip("example", working(state="done", stage=stage, last=Event(last, kind="done")), None)
    assert f"<p>{words}" in html


def test_every_job_knows_what_comes_next():
    """But for an export, which the app does by itself."""
    from engine.cli import stages
    assert set(run_bar.NEXT) == set(stages.STAGES) - {"export"} | {"pipeline"}


def test_a_recipe_that_is_refused_makes_no_run(started, runs_folder, monkeypatch, tmp_path):
    monkeypatch.setenv("SELMA_RECIPES", str(tmp_path))
    (tmp_path / "wrong.toml").write_text("[images]\nskills = ['counting']\nmodel = '/nowhere'\n")
    with pytest.raises(gr.Error, match="no folder .*/nowhere"):
        run_bar.start("wrong")
    assert not started and not runs_folder.exists()


def test_a_recipe_that_came_while_the_app_runs_is_offered(demo, monkeypatch, tmp_path):
    monkeypatch.setenv("SELMA_RECIPES", str(tmp_path))
    (tmp_path / "late.toml").write_text('title = "Late"')
    recipe = next(block for block in demo.blocks.values() if block.elem_id == "recipe")
    focus, = [fn.fn for fn in demo.fns.values() if (recipe._id, "focus") in fn.targets]
    assert focus()["choices"] == [("late · Late", "late")]


@pytest.mark.parametrize("asked, run", [
    ({}, "example"), ({"run": "mine"}, "mine"), ({"run": "gone"}, "example"), ({"run": "../x"}, "example"),
    ({"run": "new run"}, "new run")])
def test_a_page_comes_back_to_the_run_of_its_address(watch, runs_folder, asked, run):
    store.write_text(runs_folder / "mine" / "recipe.toml", "")
    chosen = watch.first_look(gr.Request(query_params=asked))
    assert chosen["value"] == run and run in chosen["choices"]
