"""How far the last job of a run has come."""

import pytest

from engine import jobs
from engine.core import store
from engine.core.events import Event
from engine.jobs import Job, progress

STAGE_EVENTS = {"experts": "experts", "validation": "evaluate", "test": "evaluate"}


@pytest.fixture
def listed(monkeypatch):
    """The jobs there are, the newest first; to be filled."""
    known: list[Job] = []
    monkeypatch.setattr(jobs, "all_jobs", lambda folder=None: known)
    return known


def job(folder, stage="pipeline", run="mine", state="running", last=None):
    return Job(folder / run / "jobs" / f"0001-{stage}", run, stage, state, last)


def test_the_newest_job_of_the_run_is_its_last(listed, tmp_path):
    other, newest, older = job(tmp_path, run="other"), job(tmp_path, "experts"), job(tmp_path, "images")
    listed += [other, newest, older]
    assert progress.last_job("mine") is newest
    assert progress.last_job("nobody's") is None


@pytest.mark.parametrize(("event", "stage"), STAGE_EVENTS.items())
def test_the_pipelines_events_say_where_it_works(tmp_path, event, stage):
    working = job(tmp_path, last=Event("x", data={"stage": event}))
    assert progress.working_stage(working) == stage


def test_any_other_job_works_at_its_own_stage(tmp_path):
    assert progress.working_stage(job(tmp_path, "images")) == "images"


def test_before_the_pipeline_says_anything_it_works_nowhere_yet(tmp_path):
    assert progress.working_stage(job(tmp_path)) == ""


@pytest.mark.parametrize("state", ["done", "stopped", "error"])
def test_a_job_that_has_ended_works_nowhere(tmp_path, state):
    assert progress.working_stage(job(tmp_path, "images", state=state)) == ""
    assert progress.working_stage(None) == ""


def test_the_mark_changes_with_every_event_and_with_the_run(listed, tmp_path):
    working = job(tmp_path, last=Event("a"))
    listed.append(working)
    before = progress.mark("mine")
    assert progress.mark("mine") == before
    store.write_text(working.folder / "events.jsonl", "{}\n")
    after = progress.mark("mine")
    assert len({before, after, progress.mark("other")}) == 3


def test_the_mark_changes_with_the_state(listed, tmp_path):
    listed.append(job(tmp_path))
    before = progress.mark("mine")
    listed[:] = [job(tmp_path, state="done")]
    assert progress.mark("mine") != before
