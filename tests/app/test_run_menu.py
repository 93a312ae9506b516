"""A run is renamed and deleted in the app, never the example, and never under a job's hands."""
import gradio as gr
import pytest

from app import run_menu
from app.tabs import vote
from engine import jobs, runs
from engine.core import store
from engine.core.events import Event
from engine.core.store import write_text
from engine.jobs import Job
from engine.votes.ledger import Ledger


@pytest.fixture
def mine(runs_folder):
    write_text(runs_folder / "mine" / "prompts" / "places.jsonl", "")
    Ledger(runs.votes_url("mine")).votes()
    return runs_folder / "mine"


@pytest.fixture
def working(runs_folder, monkeypatch):
    monkeypatch.setattr(jobs, "running", lambda: Job(runs_folder, "mine", "images", "running", None))


def test_a_run_keeps_all_it_holds_under_another_name(mine, runs_folder):
    chosen, *rows = run_menu.change_name("mine", "mine", " thesis ")
    assert chosen["value"] == "thesis" and "mine" not in chosen["choices"] and not any(row["visible"] for row in rows)
    assert not mine.exists() and (runs_folder / "thesis" / "prompts" / "places.jsonl").exists()
    assert (runs_folder / "thesis" / "votes.db").exists()


def test_a_deleted_run_is_gone_with_its_votes_and_nothing_else_is(mine, runs_folder):
    write_text(runs_folder / "other" / "prompts" / "places.jsonl", "")
    rows = run_menu.ask_to_delete("mine")
    assert rows[1]["visible"] and "Delete mine for good?" in rows[2] and "its votes" in rows[2]
    chosen, *_ = run_menu.remove("mine", "mine")
    assert chosen["value"] == "other" and chosen["choices"] == ["other", "example", runs.NEW]
    assert [path.name for path in runs_folder.iterdir()] == ["other"]


def test_a_name_that_is_given_again_has_votes_of_its_own(mine, monkeypatch):
    """A ledger that is still open would count into the folder that had the name before."""
    before = vote._ledger(runs.votes_url("mine"))
    run_menu.change_name("mine", "mine", "thesis")
    assert vote._ledger(runs.votes_url("mine")) is not before


@pytest.mark.parametrize("run, words", [
    ("example", "The example belongs to the app"), ("new run", "belongs to the app"), ("gone", "no run .*gone")])
@pytest.mark.parametrize("press", [
    run_menu.ask_name, run_menu.ask_to_delete, lambda run: run_menu.change_name(run, run, "x"),
    lambda run: run_menu.remove(run, run)])
def test_what_belongs_to_the_app_stays(runs_folder, example, press, run, words):
    with pytest.raises(gr.Error, match=words):
        press(run)
    assert (example.folder / "recipe.toml").exists()


@pytest.mark.parametrize("press", [
    run_menu.ask_name, run_menu.ask_to_delete, lambda run: run_menu.change_name(run, run, "x"),
    lambda run: run_menu.remove(run, run)])
def test_a_working_run_is_left_alone(mine, working, press):
    with pytest.raises(gr.Error, match="images is still working on"):
        press("mine")
    assert mine.is_dir()


@pytest.mark.parametrize("name, words", [
    ("../x", "cannot name a run"), ("", "cannot name a run"), ("other", "is taken"), ("example", "is taken"),
    ("recipes", "is taken")])
def test_a_name_that_will_not_do_changes_nothing(mine, runs_folder, name, words):
    write_text(runs_folder / "other" / "prompts" / "places.jsonl", "")
    with pytest.raises(gr.Error, match=words):
        run_menu.change_name("mine", "mine", name)
    assert mine.is_dir() and (runs_folder / "other").is_dir()


@pytest.mark.parametrize("press", [lambda: run_menu.remove("mine", "older"), lambda: run_menu.change_name("mine", "", "x")])
def test_the_answer_counts_for_the_run_that_was_asked_about(mine, press):
    with pytest.raises(gr.Error, match="mine is chosen now"):
        press()
    assert mine.is_dir()


def test_a_run_whose_jobs_came_to_nothing_is_not_offered(mine, runs_folder, monkeypatch):
    failed = runs_folder / "failed-1"
    store.write_json(failed / "jobs" / "0001-pipeline" / "config.json", {"config": {}})
    ended = Event("There is no model.", kind="error")
    store.write_records(failed / "jobs" / "0001-pipeline" / "events.jsonl", [ended])
    assert "failed-1" not in runs.listed() and "mine" in runs.listed()
    assert "failed-1" in runs.listed("failed-1"), "as long as it is the one that is shown"
    write_text(failed / "recipe.toml", "")
    assert "failed-1" in runs.listed(), "it may go on"
