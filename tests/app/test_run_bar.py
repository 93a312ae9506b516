"""The bar: the whole line on one button, its progress, cancel and go on."""
import pytest

from app.show import progress
from engine import jobs, runs
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
        monkeypatch.setattr(jobs, "all_jobs", lambda folder=None: [made])
        return made
    return put


@pytest.fixture
def bar(studio):
    """What the bar shows of a run, by element id."""
    def show(run):
        return {component.elem_id: value for component, value in studio.refresh.bar.show(run).items()}
    return show


def test_recipes_are_offered_by_their_titles(studio):
    titles = dict(studio.press("recipe", {}, "focus")["recipe"]["choices"])
    assert titles["sdxl · SELMA on Stable Diffusion XL, as published"] == "sdxl"
    assert next(iter(titles.values())) == "storybook-quick", "the quick one first"


@pytest.mark.parametrize("run, may_change", [("mine", True), (runs.EXAMPLE, False), (runs.NEW, False)])
def test_what_belongs_to_the_app_is_offered_no_other_name_and_no_end(studio, run, may_change):
    offered = studio.refresh.bar.offer_changes(run)
    assert {button.elem_id: update["visible"] for button, update in offered.items()} == {
        "rename": may_change, "delete": may_change}


def test_before_a_run_is_shown_nothing_is_offered_for_it(studio):
    assert not any(studio.blocks[button].visible for button in ("rename", "delete", "cancel", "resume"))


def test_the_whole_line_starts_a_run_of_its_own(studio, started, runs_folder):
    changed = studio.press("whole-line", {"recipe": "storybook-quick"})
    (stage, config, folder), = started
    assert stage == "pipeline" and config["recipe"].endswith("assets/recipes/storybook-quick.toml")
    assert folder == runs_folder / "storybook-quick-1" and changed["run"]["value"] == "storybook-quick-1"


def test_a_second_job_is_refused_with_a_sentence(studio, runs_folder, monkeypatch):
    monkeypatch.setattr(jobs, "running_job", lambda: job(runs_folder))
    with pytest.raises(EngineError, match="still working"):
        studio.press("whole-line", {"recipe": "storybook-quick"})


def test_the_strip_shows_what_is_there_and_where_the_work_is(working):
    last = Event("experts: Step 3 of 9 <b>", 3, 9, data={"stage": "experts"})
    html = progress.strip("example", working(last=last), None)
    assert '<li class="done"><b>Prompts</b><span>12</span></li>' in html
    assert '<li class="working"><b>Experts</b>' in html and 'value="3" max="9"' in html and "&lt;b&gt;" in html


def test_a_job_without_a_word_yet_is_starting(working):
    assert "Starting images" in progress.strip("example", working(stage="images"), None)


@pytest.mark.parametrize("state, cancel, resume", [
    ("running", True, False), ("done", False, False), ("stopped", False, True), ("error", False, True)])
def test_the_buttons_fit_the_state(working, bar, state, cancel, resume):
    working(state=state, last=Event("so far", kind=state))
    shown = bar("mine")
    assert (shown["cancel"]["visible"], shown["resume"]["visible"]) == (cancel, resume)


def test_work_on_another_run_is_told(working, bar):
    working(run="other", last=Event("painting", 1, 2))
    shown = bar("mine")
    assert "Run other: painting" in shown["progress"] and shown["cancel"]["visible"]


def test_going_on_starts_the_same_job_again(studio, working, started, runs_folder):
    working(state="stopped")
    studio.press("resume", {"run": "mine"})
    assert started == [("pipeline", {"recipe": "r.toml"}, runs_folder / "mine")]


def test_cancel_ends_the_job_that_works(studio, working, monkeypatch):
    made, cancelled = working(), []
    monkeypatch.setattr(jobs, "cancel", cancelled.append)
    assert studio.press("cancel", {})["cancel"]["visible"] is False and cancelled == [made.folder]


@pytest.mark.parametrize("stage, last, words", [
    ("pipeline", "\nmodel  macro\nbase   0.5", "Done: every stage of the recipe. See who is better in Evaluate"),
    ("prompts", "200 prompts for places.", "Done: 200 prompts for places. Next: paint them"),
    ("unheard-of", "", "Done: every stage")])
def test_the_end_says_so_and_what_comes_next(working, stage, last, words):
    """The whole line's last words are a table, which begins with an empty line."""
    html = progress.strip("example", working(state="done", stage=stage, last=Event(last, kind="done")), None)
    assert f"<p>{words}" in html


def test_every_job_knows_what_comes_next():
    """But for an export, which the app does by itself."""
    from engine.cli import stages
    assert set(progress.NEXT) == set(stages.STAGES) - {"export"} | {"pipeline"}


def test_a_recipe_that_is_refused_makes_no_run(studio, started, runs_folder, monkeypatch, tmp_path):
    monkeypatch.setenv("SELMA_RECIPES", str(tmp_path))
    (tmp_path / "wrong.toml").write_text("[images]\nskills = ['counting']\nmodel = '/nowhere'\n")
    with pytest.raises(EngineError, match="no folder .*/nowhere"):
        studio.press("whole-line", {"recipe": "wrong"})
    assert not started and not runs_folder.exists()


def test_a_recipe_that_came_while_the_app_runs_is_offered(studio, monkeypatch, tmp_path):
    monkeypatch.setenv("SELMA_RECIPES", str(tmp_path))
    (tmp_path / "late.toml").write_text('title = "Late"')
    assert studio.press("recipe", {}, "focus")["recipe"]["choices"] == [("late · Late", "late")]
