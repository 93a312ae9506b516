"""A job's record that a crash or a person damaged stops that job alone."""
import time

import pytest

from engine import jobs
from engine.jobs import record
from tests.jobs.toys import start


def ended():
    """A job whose process is gone."""
    list(jobs.follow(job := start()))
    while jobs.alive(job):
        time.sleep(0.01)
    return job


@pytest.mark.parametrize("text", ['{"pid": -1, "command": []}', '{"pid": "x", "command": []}', "[]", "{", "null",
                                  '{"pid": 1e999, "command": 5}', '{"pid": 99999999999999999999, "command": []}'])
def test_a_record_that_names_no_process_is_a_job_that_ended(text):
    job = ended()
    (job / "events.jsonl").unlink()
    (job / "process.json").write_text(text)
    assert not jobs.alive(job) and jobs.describe(job).state == "error" and jobs.running_job() is None


@pytest.mark.parametrize("line", ['{"text": 5}', '{"text": "x", "data": []}', '{"text": "x", "done": "y"}', "[]", "{",
                                  "null", '{"text": "x", "kind": null}', "[" * 5000])
def test_a_damaged_event_is_told_as_such(line):
    job = ended()
    (job / "events.jsonl").write_text(line + "\n")
    assert jobs.describe(job).state == "error" and jobs.running_job() is None
    assert [event.text for event in jobs.follow(job)][0] == record.DAMAGED


def test_jobs_are_counted_beyond_four_digits():
    run = jobs.run_folder("demo")
    (run / "jobs" / "12345-toy").mkdir(parents=True)
    assert start().name == "12346-toy"
