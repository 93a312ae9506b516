"""Runs below a temporary folder, the toy stage as `toy`; no job outlives its test."""
import sys

import pytest

from engine import jobs


@pytest.fixture(autouse=True)
def toy_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("SELMA_RUNS", str(tmp_path))
    monkeypatch.setattr(jobs, "command", lambda stage, folder: [
        sys.executable, "-u", "-m", "tests.toy_stage", stage, str(folder)])
    yield
    for job in jobs.all_jobs():
        jobs.cancel(job.folder, patience_seconds=0)
