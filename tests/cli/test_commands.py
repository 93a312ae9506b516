"""Runs, jobs and votes on the command line, as processes of their own beside a run that holds something."""
import os
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from engine import jobs
from engine.core.store import Store, write_json, write_records, write_text
from engine.core.types import Prompt
from engine.votes.ledger import Ledger
from tests.jobs.toys import wait_for

ROOT = Path(__file__).parents[2]
MERGE = {"kind": "merge", "name": "both", "method": "ties", "options": {"density": 0.2},
         "experts": {"counting": 1.0, "places": 0.5}, "base": {"model": "storybook"}}
HEAVY = ("torch", "diffusers", "transformers", "gradio")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of runs without the shipped example."""
    monkeypatch.setenv("SELMA_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("SELMA_EXAMPLE", str(tmp_path / "none"))
    monkeypatch.delenv("SELMA_VOTES", raising=False)
    return tmp_path / "runs"


@pytest.fixture
def demo(folder):
    """A run with two prompts, an expert and a merge."""
    run = Store(folder / "demo")
    write_records(run.prompts("counting"), [Prompt("a", "counting", "two balls"), Prompt("b", "counting", "a star")])
    write_text(run.expert("counting") / "recipe.json", "{}")
    write_json(run.merge("both") / "recipe.json", MERGE)
    return run


@pytest.fixture
def job(demo, monkeypatch):
    """A toy job of the run that works until it is stopped."""
    monkeypatch.setattr(jobs, "command", lambda stage, job: [
        sys.executable, "-u", "-m", "tests.toy_stage", stage, str(job)])
    started = jobs.start("toy", {"steps": 1000, "seconds": 0.05}, demo.folder)
    yield started
    jobs.cancel(started, patience_seconds=0)


def engine(*arguments):
    """The exit code, what is printed, and what is said of errors."""
    command = [sys.executable, "-m", "engine", *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ)
    return ended.returncode, ended.stdout, ended.stderr


def row(text, name):
    """The words of a table's line that begins with a name."""
    found, = [line.split() for line in text.splitlines() if line.startswith(name)]
    return found


def test_runs_are_listed_with_how_far_they_came(demo):
    write_text(demo.folder.parent / "later" / "prompts" / "places.jsonl", "")
    code, out, _ = engine("runs")
    assert code == 0 and dict(zip(out.splitlines()[0].split(), row(out, "demo"), strict=False)) == {
        "run": "demo", "prompts": "2", "pictures": "0", "experts": "1", "merges": "1", "scored": "0"}
    assert row(out, "later")


def test_a_run_is_shown_in_full(demo, job):
    code, out, _ = engine("runs", "demo")
    assert code == 0 and row(out, "merges") == ["merges", "both"] and str(demo.folder) in out
    assert row(out, "last job") == ["last", "job", "toy:", "running"]
    assert row(out, "works at") == ["works", "at", "toy"]


def test_a_runs_saved_merges_and_searches_are_shown_with_their_weights(demo):
    write_json(demo.folder / "searches" / "search-1" / "result.json", {"weights": {"counting": 0.25}})
    _, out, _ = engine("runs", "demo")
    assert row(out, "merge both") == "merge both ties of counting 1, places 0.5".split()
    assert row(out, "search search-1") == "search search-1 counting 0.25".split()


def test_what_a_runs_last_job_said_last_is_shown(demo):
    folder = demo.job("0007-images")
    write_json(folder / "config.json", {"store": str(demo.folder), "config": {}})
    write_text(folder / "events.jsonl", '{"text": "Painted.\\nAll of it.", "done": 2, "total": 2, "kind": "done"}\n')
    _, out, _ = engine("runs", "demo")
    assert row(out, "last job") == ["last", "job", "images:", "done"]
    assert row(out, "last event") == ["last", "event", "[2/2]", "Painted."]
    assert "works at" not in out


def test_a_damaged_merge_is_told_and_the_rest_is_shown(demo):
    write_text(demo.merge("broken") / "recipe.json", "{}")
    code, out, error = engine("runs", "demo")
    assert code == 1 and row(out, "merge both") and str(demo.merge("broken") / "recipe.json") in error


def test_a_part_of_a_run_is_shown_as_the_recipe_that_makes_it_again(demo):
    code, out, _ = engine("runs", "demo", "both")
    assert code == 0 and tomllib.loads(out)["merge"]["options"] == {"density": 0.2}
    code, out, error = engine("runs", "demo", "nobody")
    assert code == 1 and out == "" and "counting, both" in error


@pytest.mark.parametrize("command", [
    ("runs", "gone"), ("votes", "gone"), ("jobs", "cancel", "gone/1"), ("jobs", "follow")])
def test_what_is_not_there_is_a_sentence(demo, command):
    code, out, error = engine(*command)
    assert code == 1 and out == "" and "There is no " in error and "Traceback" not in error


def test_a_damaged_run_hides_no_other(demo):
    write_text(demo.folder.parent / "broken" / "prompts" / "places.jsonl", "{")
    code, out, error = engine("runs")
    assert code == 1 and "broken" in error and "places.jsonl" in error and row(out, "demo")


def test_a_job_is_listed_cancelled_and_followed_to_its_end(job):
    wait_for("step 1", job)
    assert row(engine("jobs")[1], "demo/0001-toy")[1] == "running"
    code, out, _ = engine("jobs", "cancel", "demo/1")
    assert code == 0 and "start again" in out and not jobs.alive(job)
    assert row(engine("jobs", "list")[1], "demo/0001-toy")[1] == "stopped"
    code, out, _ = engine("jobs", "follow", "demo")
    assert code == 1 and out.startswith("[1/1000] step 1\n") and "start again" in out.splitlines()[-1]


def test_a_job_is_found_by_its_folder_its_name_and_as_the_newest(job):
    wait_for("step 1", job)
    jobs.cancel(job)
    told = {engine("jobs", "follow", *name)[1] for name in ([str(job)], ["demo/0001-toy"], [])}
    assert len(told) == 1 and "step 1" in told.pop()


def listens():
    """Ctrl-C counts, though the tests themselves may run where it does not: in a shell's background."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_who_stops_following_leaves_the_job_alone(job):
    command = [sys.executable, "-u", "-m", "engine", "jobs", "follow"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, preexec_fn=listens) as follower:
        assert "step 1" in follower.stdout.readline()
        follower.send_signal(2)
        assert "The job goes on" in follower.stdout.read()
    assert follower.returncode == 1 and jobs.alive(job)


def test_without_jobs_that_is_said(folder):
    code, out, _ = engine("jobs")
    assert code == 0 and str(folder) in out


def test_votes_and_standings_are_printed(demo):
    assert engine("votes", "demo")[1] == "0 votes on demo.\n"
    assert not (demo.folder / "votes.db").exists(), "who looks makes nothing"
    ledger = Ledger(f"sqlite:///{demo.folder}/votes.db")
    for number, choice in enumerate(("left", "left", "right", "tie", "both bad")):
        ballot = {"prompt_id": "a", "prompt": "two balls", "left_model": "merged@2", "right_model": "base@2",
                  "left_seed": 1, "right_seed": 1, "id": f"ballot-{number}", "voter": "v", "pair": f"pair-{number}"}
        assert ledger.issue(ballot)
        ledger.cast(ballot["id"], choice)
    code, out, _ = engine("votes", "demo")
    assert code == 0 and out.startswith("5 votes on demo.")
    assert row(out, "merged@2")[:7] == ["merged@2", "base@2", "2", "1", "1", "1", "0.62"]
    assert engine("votes", "demo", "--each")[1].count("two balls") == 5


def test_help_comes_at_once_and_without_the_heavy_libraries():
    code = ("import sys; from engine import cli\n"
            "try: cli.main(['--help'])\n"
            f"except SystemExit: print('heavy:', *({set(HEAVY)!r} & set(sys.modules)))")
    began = time.perf_counter()
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert shown.splitlines()[-1] == "heavy:" and time.perf_counter() - began < 10
    assert all(word in shown for word in ("run ", "results", "merge", "adopt", "runs", "jobs", "votes"))


def test_the_recipes_that_lie_ready_are_listed_with_their_titles(tmp_path, monkeypatch):
    (tmp_path / "mine.toml").write_text('title = "My line"')
    (tmp_path / "broken.toml").write_text("title = = 1")
    monkeypatch.setenv("SELMA_RECIPES", str(tmp_path))
    code, out, _ = engine("recipes")
    assert code == 0 and row(out, "mine") == ["mine", "My", "line"] and row(out, "broken") == ["broken"]


def test_a_recipe_that_lies_ready_is_run_by_its_name(folder, tmp_path, monkeypatch):
    ready = tmp_path / "ready"
    ready.mkdir()
    (ready / "mine.toml").write_text("[images]\nskills = ['counting']\nmodel = '/nowhere'\n")
    monkeypatch.setenv("SELMA_RECIPES", str(ready))
    code, _, error = engine("run", "mine", "--out", str(folder / "mine"))
    assert code == 1 and str(ready / "mine.toml") in error and "/nowhere" in error
    code, _, error = engine("results", "mine", "--out", str(folder / "mine"))
    assert code == 1 and "There is no file mine." in error, "those are no results recipes"
