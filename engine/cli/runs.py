"""Which runs there are and how far each has come."""

import argparse
import sys
from typing import Any

from engine.cli import columns
from engine.core.errors import EngineError

HEAD = ("run", "prompts", "pictures", "experts", "merges", "scored", "last job")


def add(commands: Any) -> None:
    parser = commands.add_parser("runs", help="list the runs and how far each has come")
    parser.add_argument("run", nargs="?", metavar="RUN", help="one of them, in full")
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    if arguments.run:
        print(in_full(arguments.run))
        return 0
    return show_list()


def show_list() -> int:
    """Print all runs, the one last worked on first. Returns 1 if one of them is damaged."""
    from engine import runs

    rows, errors = [], []
    for name in runs.run_names():
        try:
            if name != runs.NEW:
                rows.append(_row(name))
        except EngineError as error:  # one damaged run hides no other
            errors.append(f"{name}: {error}")
    print(columns.text(HEAD, rows))
    for line in errors:
        print(line, file=sys.stderr)
    return 1 if errors else 0


def in_full(name: str) -> str:
    """What one run holds, by name. Raises EngineError where there is no such run."""
    from engine import runs
    from engine.runs import contents

    runs.check_there(name)
    summary = contents.summary(runs.open_store(name))
    facts = [["folder", str(runs.folder(name))]]
    for kind in ("prompts", "pictures"):
        facts.append([kind, str(getattr(summary, kind))])
    for kind in ("experts", "merges", "scored"):
        facts.append([kind, ", ".join(getattr(summary, kind))])
    facts.append(["last job", _last_job(name)])
    return columns.text(("run", name), facts)


def _row(name: str) -> list[str]:
    from engine import runs
    from engine.runs import contents

    summary = contents.summary(runs.open_store(name))
    holdings = (summary.experts, summary.merges, summary.scored)
    counts = [summary.prompts, summary.pictures, *map(len, holdings)]
    return [name, *map(str, counts), _last_job(name)]


def _last_job(name: str) -> str:
    from engine import jobs, runs

    folder = runs.folder(name)
    for job in jobs.all_jobs(folder.parent):
        if job.run == folder.name:
            return f"{job.stage}: {job.state}"
    return ""
