"""Which runs there are, where new ones go, and that the example is never written to."""
import os

import pytest

from engine import jobs, runs
from engine.core.errors import EngineError
from engine.core.store import write_text


def test_a_newcomer_sees_the_example(runs_folder):
    assert runs.run_names() == ["example", runs.NEW] and runs.default_run() == "example"
    assert (runs.folder("example") / "recipe.toml").exists() and not runs_folder.exists()


def test_own_runs_come_first_the_latest_before_the_others(runs_folder):
    for name in ("older", "newer", "Not A Name", "example"):
        write_text(runs_folder / name / "recipe.toml", "")
    os.utime(runs_folder / "older", (1, 1))
    assert runs.run_names() == ["newer", "older", "example", runs.NEW]
    assert runs.default_run() == "example", "as long as the others hold nothing"
    write_text(runs_folder / "older" / "prompts" / ".writing-x.jsonl", "")
    os.utime(runs_folder / "older", (1, 1))
    assert runs.default_run() == "example"
    write_text(runs_folder / "older" / "prompts" / "styles.jsonl", "")
    os.utime(runs_folder / "older", (1, 1))
    assert runs.run_names()[0] == "newer" and runs.default_run() == "older"


def test_a_folder_of_results_is_no_run_but_holds_some(runs_folder, monkeypatch):
    write_text(runs_folder / "results" / "recipes" / "0-selma.toml", "")
    write_text(runs_folder / "results" / "0-selma" / "recipe.toml", "")
    assert runs.run_names() == ["example", runs.NEW]
    monkeypatch.setenv("SELMA_RUNS", str(runs_folder / "results"))
    assert runs.run_names() == ["0-selma", "example", runs.NEW]


def test_the_run_that_works_is_shown_first(runs_folder, monkeypatch):
    write_text(runs_folder / "newer" / "recipe.toml", "")
    monkeypatch.setattr(jobs, "running_job", lambda: jobs.Job(runs_folder, "older", "images", "running", None))
    assert runs.default_run() == "older"


def test_a_run_is_made_by_the_first_stage_that_starts_on_it(runs_folder):
    assert not runs.folder(runs.NEW).exists() and runs.writable(runs.NEW) == "run-1"
    (runs_folder / "run-1").mkdir(parents=True)
    assert runs.writable(runs.NEW) == "run-2" and runs.run_names() == ["run-1", "example", runs.NEW]


def test_without_an_example_a_newcomer_starts_anew(monkeypatch, tmp_path):
    monkeypatch.setenv("SELMA_EXAMPLE", str(tmp_path / "gone"))
    assert runs.default_run() == runs.NEW


def test_a_new_run_takes_no_name_twice(runs_folder):
    assert runs.new_name("quick") == "quick-1"
    (runs_folder / "quick-1").mkdir(parents=True)
    (runs_folder / "other").mkdir()
    assert runs.new_name("quick") == "quick-2"


def test_working_on_the_example_works_on_a_copy(runs_folder, example):
    before = sorted(example.folder.rglob("*"))
    assert runs.writable("mine") == "mine"
    name = runs.writable("example")
    copy = runs_folder / name
    assert name == "example-1" and runs.writable("example") == "example-2"
    assert [p.relative_to(copy) for p in sorted(copy.rglob("*"))] == [p.relative_to(example.folder) for p in before]
    assert sorted(example.folder.rglob("*")) == before and not list(runs_folder.glob(".copying*"))


def test_a_copy_that_fails_is_a_sentence(runs_folder):
    runs_folder.write_text("a file in the way")
    with pytest.raises(EngineError, match="SELMA_RUNS"):
        runs.writable("example")


@pytest.mark.parametrize("name", ["../secrets", "", "a/b", ".hidden"])
def test_no_name_leads_out_of_the_folder(name):
    with pytest.raises(EngineError):
        runs.folder(name)


def test_votes_lie_in_the_run_or_where_one_says(runs_folder, monkeypatch):
    assert runs.votes_url("mine") == f"sqlite:///{runs_folder}/mine/votes.db"
    assert runs.votes_url("example") == f"sqlite:///{runs_folder}/example-votes.db"
    monkeypatch.setenv("SELMA_VOTES", "postgresql://host/votes")
    assert runs.votes_url("mine") == "postgresql://host/votes"
