"""Jobs: list them, follow one, cancel one. What the app does with its bar."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine import jobs
from engine.cli import columns, progress
from engine.core.errors import EngineError
from engine.jobs import Job, record

HEAD = ("job", "state", "last event")
MOST_CHARACTERS = 60
JOB_HELP = "demo/3 or demo/0003-experts, its folder, or demo for that run's newest; else the newest"


def add(commands: Any) -> None:
    parser = commands.add_parser("jobs", help="list the jobs, follow or cancel one")
    parser.set_defaults(execute=show_list)
    actions = parser.add_subparsers(metavar="ACTION")
    listing = actions.add_parser("list", help="all jobs, the newest first; the usual action")
    listing.set_defaults(execute=show_list)
    _add_action(actions, "follow", "print a job's events until it ends", follow)
    _add_action(actions, "cancel", "ask a job to stop; what is finished is kept", cancel)


def _add_action(
    actions: Any, name: str, what: str, execute: Callable[[argparse.Namespace], int]
) -> None:
    parser = actions.add_parser(name, help=what)
    parser.add_argument("job", nargs="?", default="", metavar="JOB", help=JOB_HELP)
    parser.set_defaults(execute=execute)


def show_list(arguments: argparse.Namespace) -> int:
    rows = list(map(_row, jobs.all_jobs()))
    print(columns.text(HEAD, rows) if rows else f"There are no jobs in {jobs.runs()}.")
    return 0


def follow(arguments: argparse.Namespace) -> int:
    """Print the events of a job, old and new. Returns 0 if it ends well."""
    job = find(arguments.job)
    try:
        return progress.show(jobs.follow(job.folder))
    except KeyboardInterrupt:
        print(f"The job goes on. To end it: python -m engine jobs cancel {name_of(job)}")
        return 1


def cancel(arguments: argparse.Namespace) -> int:
    job = find(arguments.job)
    jobs.cancel(job.folder)
    last = jobs.describe(job.folder).last
    print(progress.line_of(last) if last else "It had not begun.")
    return 0


def find(name: str) -> Job:
    """A job by what the user calls it. Raises EngineError where there is none."""
    if (Path(name) / record.CONFIG).is_file():
        return jobs.describe(Path(name).resolve())
    for job in jobs.all_jobs():
        if _is_called(job, name):
            return job
    which = f"job {name!r}" if name else "job"
    raise EngineError(f"There is no {which} in {jobs.runs()}. See: python -m engine jobs.")


def _is_called(job: Job, name: str) -> bool:
    run, _, own_name = name.partition("/")
    if run and run != job.run:
        return False
    number = str(jobs.number_of(job.folder))
    return own_name in ("", job.folder.name, number)


def name_of(job: Job) -> str:
    return f"{job.run}/{job.folder.name}"


def _row(job: Job) -> list[str]:
    first_line = progress.first_line_of(job.last) if job.last else "starting"
    if len(first_line) > MOST_CHARACTERS:
        first_line = first_line[:MOST_CHARACTERS] + "…"
    return [name_of(job), job.state, first_line]
