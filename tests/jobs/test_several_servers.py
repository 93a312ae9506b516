"""Of several servers and command lines on the same runs, one works at a time."""
import subprocess
import sys
import time

import pytest

from engine import jobs
from engine.core import locks
from engine.core.errors import EngineError
from tests.jobs.toys import start

RIVAL = """
import sys, time
from pathlib import Path
from engine import jobs
from engine.core.errors import EngineError
jobs.command = lambda stage, folder: [sys.executable, "-u", "-m", "tests.toy_stage", stage, str(folder)]
while not Path(sys.argv[1]).exists():
    time.sleep(0.001)
try:
    print("started", jobs.start("toy", {"steps": 1000, "seconds": 0.05}, jobs.run_folder("demo")))
except EngineError as error:
    print("refused", error)
"""


def test_of_several_servers_on_one_folder_one_starts_the_job(tmp_path):
    for attempt in range(3):
        go = tmp_path / f"go-{attempt}"
        rivals = [subprocess.Popen([sys.executable, "-c", RIVAL, str(go)], cwd=jobs.ROOT, stdout=subprocess.PIPE,
                                   text=True) for _ in range(3)]
        time.sleep(1)
        go.touch()
        told = sorted(rival.communicate(timeout=120)[0].split()[0] for rival in rivals)
        assert told == ["refused", "refused", "started"]
        assert len(working := [job for job in jobs.all_jobs() if job.state == "running"]) == 1
        jobs.cancel(working[0].folder, patience_seconds=0)


def test_a_run_that_a_command_line_works_in_is_told(tmp_path):
    with locks.working_in(tmp_path / "by-hand"):
        with pytest.raises(EngineError, match="command line is .*'by-hand'"):
            start()
    assert list(jobs.follow(start()))[-1].kind == "done"


def test_a_job_in_a_run_that_another_process_works_in_ends_with_a_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "check_free", lambda: None)
    with locks.working_in(tmp_path / "demo"):
        *_, last = jobs.follow(start())
    assert last.kind == "error" and "is being worked on by process" in last.text
