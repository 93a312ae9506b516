"""The whole line from a recipe, and the replicates of a results recipe."""

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.cli import progress, stages
from engine.core.stopping import guarded, stop_requests


@dataclass(frozen=True)
class Command:
    """What runs a recipe of its kind, and where."""

    module: str
    what: str
    prefix: str = ""
    """Of the folder's name, before the recipe's."""


COMMANDS = {
    "run": Command("engine.pipeline", "run the whole line from a recipe, printing each step"),
    "results": Command(
        "engine.studies.replicates",
        "run the variants of a results recipe several times over, and compare them",
        prefix="results-",
    ),
}


def add(commands: Any) -> None:
    for name, command in COMMANDS.items():
        parser = commands.add_parser(name, help=command.what)
        recipe_help = "what to run; see assets/recipes/"
        parser.add_argument("recipe", type=Path, metavar="RECIPE.toml", help=recipe_help)
        out_help = f"the run's folder (default: runs/{command.prefix}RECIPE)"
        parser.add_argument("--out", type=Path, metavar="FOLDER", help=out_help)
        parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    command = COMMANDS[arguments.command]
    out = arguments.out or _usual_folder(command, arguments.recipe)
    with stop_requests() as stop:
        stages.check_processes(arguments.command)
        events = stages.events_of_recipe(command.module, arguments.recipe, out)
        return progress.show(guarded(events, stop))


def _usual_folder(command: Command, recipe: Path) -> Path:
    runs = Path(os.environ.get("SELMA_RUNS", "runs"))
    return runs / f"{command.prefix}{recipe.stem}"
