"""Which runs there are and how far each has come."""

import argparse
import sys
from typing import Any

from engine.cli import columns, progress
from engine.core.errors import EngineError
from engine.core.store import Store
from engine.jobs import Job
from engine.jobs.progress import last_job, working_stage

HEAD = ("run", "prompts", "pictures", "experts", "merges", "scored", "last job")


def add(commands: Any) -> None:
    parser = commands.add_parser("runs", help="list the runs and how far each has come")
    parser.add_argument("run", nargs="?", metavar="RUN", help="one of them, in full")
    part_help = "an expert or a merge of the run: the recipe that makes it again"
    parser.add_argument("part", nargs="?", metavar="PART", help=part_help)
    parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    if arguments.part:
        return show_recipe(arguments.run, arguments.part)
    if arguments.run:
        return show_run(arguments.run)
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


def show_run(name: str) -> int:
    """Print what one run holds and what was scored. Returns 1 if some of it is damaged.

    Raises EngineError where there is no such run.
    """
    from engine import runs
    from engine.runs import contents, saved_merges

    runs.check_there(name)
    run = runs.open_store(name)
    summary, saved = contents.summary(run), saved_merges.read(run)
    facts = [["folder", str(run.folder)]]
    for kind in ("prompts", "pictures"):
        facts.append([kind, str(getattr(summary, kind))])
    for kind in ("experts", "merges", "scored"):
        facts.append([kind, ", ".join(getattr(summary, kind))])
    for merge, sentence in saved.sentences.items():
        facts.append([f"merge {merge}", sentence])
    for search, weights in saved_merges.searched_weights(run).items():
        facts.append([f"search {search}", saved_merges.weights_text(weights)])
    facts += _facts_of_last_job(name)
    print(columns.text(("run", name), facts))
    damaged = [*saved.damaged, *_show_scores(run)]
    for sentence in damaged:
        print(sentence, file=sys.stderr)
    return 1 if damaged else 0


def show_recipe(name: str, part: str) -> int:
    """Print how an expert or a merge was made, as the part of a recipe.

    Raises EngineError where there is no such run or part, and where nobody knows.
    """
    from engine import runs
    from engine.runs import recipe_texts

    runs.check_there(name)
    print(recipe_texts.part_text(runs.open_store(name), part))
    return 0


def _row(name: str) -> list[str]:
    from engine import runs
    from engine.runs import contents

    summary = contents.summary(runs.open_store(name))
    holdings = (summary.experts, summary.merges, summary.scored)
    counts = [summary.prompts, summary.pictures, *map(len, holdings)]
    return [name, *map(str, counts), _last_job(name)]


def _show_scores(run: Store) -> list[str]:
    """Print a table for each split and judge; what is wrong with those that are damaged."""
    from engine.runs import score_texts

    damaged = []
    for name in score_texts.names(run):
        try:
            text = score_texts.table(run, name)
        except EngineError as error:  # one damaged table hides no other
            damaged.append(str(error))
            continue
        print(f"\nscores, {name}\n{text}")
    return damaged


def _facts_of_last_job(name: str) -> list[list[str]]:
    """Its state, the stage that it works at, and what it said last; as far as there is any."""
    facts = [["last job", _last_job(name)]]
    job = _job(name)
    if stage := working_stage(job):
        facts.append(["works at", stage])
    if job and job.last:
        facts.append(["last event", progress.first_line_of(job.last)])
    return facts


def _last_job(name: str) -> str:
    job = _job(name)
    return f"{job.stage}: {job.state}" if job else ""


def _job(name: str) -> Job | None:
    from engine import runs

    folder = runs.folder(name)
    return last_job(folder.name, folder.parent)
