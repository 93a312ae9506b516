"""A job outlives page and server, always ends with one last event, and can be followed twice."""
import shutil
import subprocess
import sys
import time
from types import SimpleNamespace

import psutil
import pytest

from engine import jobs
from engine.core import store
from engine.core.errors import EngineError
from engine.core.events import LAST_KINDS
from engine.jobs import record
from engine.jobs.launchers import local
from tests.jobs.toys import start, wait_for


def test_two_followers_see_the_same_events():
    job = start(steps=3)
    events = list(jobs.follow(job))
    assert [event.text for event in events] == ["step 1", "step 2", "step 3", "Done."]
    assert [event.kind for event in events] == ["progress"] * 3 + ["done"]
    assert (events[1].done, events[1].total, events[1].data) == (2, 3, {"loss": 0.5})
    assert list(jobs.follow(job)) == events


@pytest.mark.parametrize("ending, words", [
    ("error", "There is no model called x. Choose y."),
    ("bug", "ZeroDivisionError: by zero"),
    ("vanish", "ended without a word"),
])
def test_every_ending_is_told(ending, words):
    *_, last = jobs.follow(job := start(ending=ending))
    assert last.kind == "error" and words in last.text, last.text
    assert jobs.describe(job).state == "error"


def test_a_bug_leaves_its_report_in_the_log_and_a_vanished_job_shows_its_end():
    job = start(ending="bug")
    list(jobs.follow(job))
    assert "Traceback" in (job / "log.txt").read_text()
    *_, last = jobs.follow(start(ending="vanish"))
    assert "about to vanish" in last.text


def test_a_config_the_stage_does_not_take_is_a_sentence():
    *_, last = jobs.follow(start(stesp=3))
    assert last.kind == "error" and "no option called 'stesp'. Choose from steps" in last.text


def test_a_job_that_has_no_process_yet_is_starting(monkeypatch):
    """A page that looks between the two must not tell that it died."""
    job = jobs.run_folder("demo") / "jobs" / "0001-toy"
    store.write_json(job / "config.json", {"store": str(job.parents[1]), "config": {}})
    assert jobs.describe(job).state == "running" and jobs.describe(job).last is None
    monkeypatch.setattr(jobs, "STARTING_SECONDS", -1)
    assert jobs.describe(job).state == "error"


def test_cancel_lets_the_stage_save():
    job = start(steps=1000, seconds=0.05)
    wait_for("step 2", job)
    jobs.cancel(job)
    *_, last = jobs.follow(job)
    assert last.kind == "stopped" and "start again" in last.text
    assert (jobs.run_folder("demo") / "saved.txt").read_text().startswith("step ")
    assert not jobs.alive(job)


def test_cancel_ends_a_job_that_does_not_listen():
    job = start(steps=1, ending="deaf")
    wait_for("step 1", job)
    jobs.cancel(job, patience_seconds=0.3)
    *_, last = jobs.follow(job)
    assert last.kind == "stopped" and not jobs.alive(job) and jobs.running_job() is None


def test_cancelling_a_finished_job_changes_nothing():
    events = list(jobs.follow(job := start()))
    jobs.cancel(job)
    assert list(jobs.follow(job)) == events


def test_a_killed_job_ends_its_followers():
    job = start(steps=1000, seconds=0.05)
    wait_for("step 1", job)
    assert (found := local.process(job))
    found.kill()
    *_, last = jobs.follow(job)
    assert last.kind == "error" and "killed" in last.text


def test_one_job_at_a_time_and_the_busy_one_is_named():
    job = start(run="first", steps=1000, seconds=0.05)
    with pytest.raises(EngineError, match="toy of run 'first' is still working"):
        start(run="second")
    jobs.cancel(job)
    assert list(jobs.follow(start(run="second")))[-1].kind == "done"


def test_a_job_may_start_as_soon_as_the_last_event_of_the_one_before_is_read():
    for _ in range(2):
        assert list(jobs.follow(start(steps=1)))[-1].kind == "done"
    assert [job.folder.name for job in jobs.all_jobs()] == ["0002-toy", "0001-toy"]


def test_the_job_outlives_the_server_that_started_it():
    code = ("import sys, time; from engine import jobs\n"
            "jobs.command = lambda stage, folder: "
            "[sys.executable, '-u', '-m', 'tests.toy_stage', stage, str(folder)]\n"
            "jobs.start('toy', {'steps': 8, 'seconds': 0.3}, jobs.run_folder('demo'))\n"
            "print('started', flush=True); time.sleep(60)")
    with subprocess.Popen([sys.executable, "-c", code], cwd=jobs.ROOT, stdout=subprocess.PIPE) as server:
        assert server.stdout and server.stdout.readline()
        server.kill()
    job, = jobs.all_jobs()
    assert job.state == "running" and job.run == "demo" and job.stage == "toy"
    events = list(jobs.follow(job.folder))
    assert len(events) == 9 and events[-1].kind == "done"


def test_a_process_number_given_to_another_program_is_not_the_job():
    job = start()
    list(jobs.follow(job))
    (job / "events.jsonl").unlink()
    store.write_json(job / "process.json", {"pid": psutil.Process().pid, "command": jobs.command("toy", job)})
    assert not jobs.alive(job)
    assert [event.kind for event in jobs.follow(job)] == ["error"]


def test_a_line_half_written_is_read_when_it_is_whole():
    job = start()
    *_, last = jobs.follow(job)
    while jobs.alive(job):
        time.sleep(0.02)
    whole = (job / "events.jsonl").read_bytes()
    (job / "events.jsonl").write_bytes(whole[:-20])
    assert jobs.describe(job).last.text.startswith("The job's process ended")
    (job / "events.jsonl").write_bytes(whole)
    assert jobs.describe(job).last == last


def test_the_last_event_of_a_long_job_is_found():
    job = start(steps=2000)
    last = list(jobs.follow(job))[-1]
    assert (job / "events.jsonl").stat().st_size > record.TAIL_BYTES
    assert jobs.describe(job).last == last and last.kind in LAST_KINDS


def test_a_damaged_line_spoils_no_other(tmp_path):
    job = start()
    list(jobs.follow(job))
    lines_file = job / "events.jsonl"
    first, *rest = lines_file.read_text().splitlines()
    lines_file.write_text("\n".join(["{broken", '{"mood": 1}', *rest, "null"]) + "\n")
    assert [event.text for event in jobs.follow(job)][:2] == [record.DAMAGED] * 2
    assert [one.folder for one in jobs.all_jobs()] == [job]


def test_a_full_disk_is_seen_by_who_follows_the_job(monkeypatch):
    job = start(ending="vanish")
    list(jobs.follow(job))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=0))
    assert "The disk is full" in jobs.describe(job).last.text


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "/etc", ".hidden", "A/B", "x" * 65, "a\n", "café"])
def test_a_run_cannot_be_named_out_of_its_folder(name):
    with pytest.raises(EngineError, match="cannot name a run"):
        jobs.run_folder(name)


def test_starting_where_nothing_can_be_written_is_a_sentence(tmp_path):
    (tmp_path / "demo").write_text("a file where the folder should be")
    with pytest.raises(EngineError, match="Cannot start toy"):
        start()
