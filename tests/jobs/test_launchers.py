"""What every launcher promises, shown with a real process: one that starts, is found by anybody, and ends."""
import subprocess
import sys

import pytest

from engine import jobs
from engine.core import plugins
from engine.core.errors import EngineError
from engine.jobs import launchers, record
from tests.jobs.toys import wait_for


@pytest.fixture(params=plugins.names(launchers))
def launcher(request):
    return plugins.load(launchers, request.param)


@pytest.fixture
def start(launcher):
    """Begin a job of the toy stage by this launcher."""
    def begin(**config):
        name = launcher.__name__.rpartition(".")[2]
        return jobs.begin("toy", config, jobs.run_folder("demo"), launcher=name)
    return begin


def test_it_is_alive_from_the_start_to_its_end(launcher, start):
    job = start(steps=1000, seconds=0.05)
    assert launcher.alive(job) and jobs.describe(job).state == jobs.RUNNING
    wait_for("step 1", job)
    launcher.stop(job, 20)
    assert not launcher.alive(job)


def test_a_stage_that_is_stopped_saves_and_says_so(launcher, start):
    job = start(steps=1000, seconds=0.05)
    wait_for("step 2", job)
    launcher.stop(job, 20)
    assert record.last_event(job).kind == "stopped"
    assert (jobs.run_folder("demo") / "saved.txt").read_text().startswith("step ")


def test_one_that_does_not_listen_is_ended_by_force(launcher, start):
    job = start(steps=1, ending="deaf")
    wait_for("step 1", job)
    launcher.stop(job, 0.3)
    assert not launcher.alive(job) and not record.is_last(record.last_event(job))


def test_what_it_prints_is_in_the_log(launcher, start):
    job = start(ending="vanish")
    list(jobs.follow(job))
    assert "about to vanish" in (job / record.LOG).read_text()


def test_another_process_finds_it(launcher, start):
    job = start(steps=1000, seconds=0.05)
    code = f"from pathlib import Path; from engine import jobs; print(jobs.alive(Path({str(job)!r})))"
    answer = subprocess.run([sys.executable, "-c", code], cwd=jobs.ROOT, check=True, capture_output=True, text=True)
    assert answer.stdout.strip() == "True"
    launcher.stop(job, 0)


def test_stopping_what_has_ended_does_nothing(launcher, start):
    job = start(steps=1)
    events = list(jobs.follow(job))
    launcher.stop(job, 20)
    launcher.stop(job, 20)
    assert list(jobs.follow(job)) == events


def test_a_launcher_that_is_not_there_is_a_sentence():
    with pytest.raises(EngineError, match="no launcher called 'moon'"):
        jobs.begin("toy", {}, jobs.run_folder("demo"), launcher="moon")


def test_old_jobs_name_no_launcher_and_are_local(start):
    job = start(steps=1)
    list(jobs.follow(job))
    record.write_request(job, record.Request("there", {}, "moon"))
    assert record.launcher_of(job) == "moon"
    (job / record.CONFIG).write_text('{"store": "there", "config": {}}')
    assert record.launcher_of(job) == "local"
    (job / record.CONFIG).write_text("{")
    assert record.launcher_of(job) == "local"
