"""The recipes that lie ready, the whole line from one, and the replicates of a results recipe."""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.cli import columns, progress, stages
from engine.core.stopping import guarded, stop_requests


@dataclass(frozen=True)
class Command:
    """What runs a recipe of its kind, and where."""

    module: str
    what: str
    prefix: str = ""
    """Of the folder's name, before the recipe's."""
    recipe_help: str = "a results recipe; see assets/results/"


RUN = "run"
COMMANDS = {
    RUN: Command(
        "engine.pipeline",
        "run the whole line from a recipe, printing each step",
        recipe_help="a file, or one of `recipes` by its name",
    ),
    "results": Command(
        "engine.studies.replicates",
        "run the variants of a results recipe several times over, and compare them",
        prefix="results-",
    ),
}


HEAD = ("recipe", "title")


def add(commands: Any) -> None:
    listing = commands.add_parser("recipes", help="list the recipes that lie ready")
    listing.set_defaults(execute=show_list)
    for name, command in COMMANDS.items():
        parser = commands.add_parser(name, help=command.what)
        parser.add_argument("recipe", type=Path, metavar="RECIPE.toml", help=command.recipe_help)
        out_help = f"the run's folder (default: runs/{command.prefix}RECIPE)"
        parser.add_argument("--out", type=Path, metavar="FOLDER", help=out_help)
        parser.set_defaults(execute=execute)


def show_list(arguments: argparse.Namespace) -> int:
    from engine.runs import recipe_files

    rows = []
    for name in recipe_files.names():
        rows.append([name, recipe_files.own_title(name)])
    print(columns.text(HEAD, rows))
    return 0


def execute(arguments: argparse.Namespace) -> int:
    command = COMMANDS[arguments.command]
    recipe = arguments.recipe
    if arguments.command == RUN:
        recipe = file_of(recipe)
    out = arguments.out or _usual_folder(command, recipe)
    with stop_requests() as stop:
        stages.check_processes(arguments.command)
        events = stages.events_of_recipe(command.module, recipe, out)
        return progress.show(guarded(events, stop))


def file_of(recipe: Path) -> Path:
    """A file as it is; for the name of a recipe that lies ready its file."""
    from engine.runs import recipe_files

    is_name = not recipe.exists() and str(recipe) in recipe_files.names()
    return recipe_files.file_of(str(recipe)) if is_name else recipe


def _usual_folder(command: Command, recipe: Path) -> Path:
    runs = Path(os.environ.get("SELMA_RUNS", "runs"))
    return runs / f"{command.prefix}{recipe.stem}"
