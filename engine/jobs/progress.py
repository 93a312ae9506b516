"""How far the last job of a run has come."""

from pathlib import Path

from engine import jobs
from engine.jobs import RUNNING, Job, record

PIPELINE, EVALUATE = "pipeline", "evaluate"
SPLITS = ("validation", "test")
"""What the pipeline's events name in place of the stage, which it runs twice: `evaluate`."""


def last_job(run: str, folder: Path | None = None) -> Job | None:
    """The newest job of a run, which lies in `folder`, or else in that of all runs."""
    for job in jobs.all_jobs(folder):
        if job.run == run:
            return job
    return None


def working_stage(job: Job | None) -> str:
    """The stage that a running job is at, "" where none works.

    The pipeline works through all stages, and its events say which.
    """
    if job is None or job.state != RUNNING:
        return ""
    stage = job.stage
    if stage == PIPELINE:
        stage = str(job.last.data.get("stage", "")) if job.last else ""
    return EVALUATE if stage in SPLITS else stage


def mark(run: str) -> str:
    """Another text whenever a job, of this run or of the one that works, has said something."""
    return f"{run} {_job_mark(last_job(run))} {_job_mark(jobs.running_job())}"


def _job_mark(job: Job | None) -> str:
    if job is None:
        return "-"
    events = job.folder / record.EVENTS
    size = events.stat().st_size if events.exists() else 0
    return f"{job.folder.name} {job.state} {size}"
