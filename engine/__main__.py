"""The command line: the whole line from a recipe, or one stage by its options or from a job folder."""

import argparse
import importlib
import json
import os
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil

from engine import worlds
from engine.core import config, locks, processes, store
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.files import path_of
from engine.core.misfits import Misfit, check_depth, shortened
from engine.core.stopping import Events, guarded, stop_requests

STAGES = {
    "prompts": "a language model writes prompts for a skill, ROUGE-L keeps the new ones",
    "images": "the model paints the prompts",
    "experts": "one LoRA per skill learns from its pictures",
    "adopt": "a LoRA that others made becomes an expert",
    "merge": "several experts become one LoRA",
    "export": "an expert or a merge as a file for A1111, Forge and ComfyUI",
    "leave_one_out": "which expert a merge needs: each is left out in turn",
    "grid": "pictures over two axes of experts' weights, one noise for all",
    "search": "weights that score better than the average, on validation and then on test",
    "evaluate": "judges score pictures of the same prompts and seeds",
    "pipeline": "the whole line, from the recipe its config names",
}
PLACES = {
    "adopt": "merge.adopt",
    "export": "merge.export",
    "grid": "studies.grid",
    "search": "studies.search",
    "leave_one_out": "studies.leave_one_out",
}
"""Where a command's module stands below engine, if not under its own name."""
ON_SEVERAL_DEVICES = ("experts",)
RECIPES = {
    "run": ("pipeline", "run the whole line from a recipe, a line of progress a step"),
    "results": (
        "studies.replicates",
        "run the lines of a results recipe several times over, and compare them",
    ),
}
EXAMPLES = f"""\
examples:
  python -m engine run assets/recipes/{worlds.usual().RECIPE}.toml --out runs/demo
  python -m engine adopt runs/demo file=downloads/watercolour.safetensors name=watercolour
  python -m engine merge runs/demo name=mine method=ties "experts={{counting=1.0, watercolour=0.5}}"
  python -m engine export runs/demo name=mine
  python -m engine experts runs/demo/jobs/0003-experts

Everything can be interrupted (Ctrl-C) and started again: what is finished stays, what is missing is done."""


@dataclass(frozen=True)
class Job:
    """What a job folder's config.json asks for."""

    store: str
    config: dict = field(default_factory=dict)


@dataclass(frozen=True)
class PipelineConfig:
    recipe: str


def main(arguments: list[str]) -> int:
    """Run one command. Returns the exit code: 0 when it is done, 1 when it failed or was stopped."""
    asked = _parser().parse_args(arguments)
    try:
        with stop_requests() as stop:
            _check_processes(asked.command)
            if asked.command in RECIPES:
                runs = Path(os.environ.get("SELMA_RUNS", "runs"))
                prefix = "results-" if asked.command == "results" else ""
                out = asked.out or runs / f"{prefix}{asked.recipe.stem}"
                return _report(
                    guarded(_of_recipe(RECIPES[asked.command][0], asked.recipe, out), stop)
                )
            if asked.options:
                events = stage_at_once(asked.command, asked.folder, asked.options)
                return _report(guarded(events, stop), told=not processes.rank())
            return run_job(asked.command, asked.folder, stop)
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1


def run_job(stage: str, folder: Path, stop: Callable[[], bool]) -> int:
    """Run one stage and record its events in the job folder. Raises EngineError when there is no
    such folder.

    process.json, written first, tells followers which process to look for.
    """
    if not path_of(folder).is_dir():
        raise EngineError(f"There is no job folder {folder}. Make it and put a config.json in it.")
    if (folder / "recipe.toml").exists() or (folder / "jobs").exists():
        raise EngineError(
            f"{folder} is a run, not a job. Give the stage an option, NAME=VALUE, to run it there: "
            f"python -m engine {stage} --help."
        )
    if processes.rank():
        return _report(guarded(stage_events(stage, folder), stop), told=False)
    this = psutil.Process()
    store.write_json(folder / "process.json", {"pid": this.pid, "command": this.cmdline()})
    return _report(_recorded(guarded(stage_events(stage, folder), stop), folder / "events.jsonl"))


def _check_processes(command: str) -> None:
    if processes.world_size() > 1 and command not in ON_SEVERAL_DEVICES:
        raise EngineError(
            f"{command} runs in one process. Several, as torchrun starts them, can share "
            f"{', '.join(ON_SEVERAL_DEVICES)}."
        )


def stage_events(stage: str, folder: Path) -> Events:
    """Read the job's config and run its stage. Raises EngineError for a config the stage does not
    take.
    """
    job = config.build(
        Job, store.read_json(folder / "config.json"), where=str(folder / "config.json")
    )
    if stage == "pipeline":
        recipe = config.build(PipelineConfig, job.config, where=stage).recipe
        yield from _of_recipe("pipeline", Path(recipe), path_of(job.store))
    else:
        yield from _of_stage(stage, job.config, path_of(job.store))


def stage_at_once(stage: str, run: Path, options: Sequence[str]) -> Events:
    """Run one stage in a run's folder. `options` are `name=value`, the value as in TOML; a word
    needs no quotes.

    Raises EngineError for an option that the stage does not have.
    """
    values: dict[str, Any] = {}
    for option in options:
        name, is_one, value = option.partition("=")
        if not is_one:
            raise EngineError(f"{shortened(option)} is no option. Write name=value.")
        if name in values:
            raise EngineError(f"{shortened(name)} is given twice. Give it once.")
        values[name] = _value(value)
    if stage == "pipeline":
        raise EngineError(
            "The whole line takes a recipe: python -m engine run RECIPE.toml --out FOLDER."
        )
    yield from _of_stage(stage, values, run)


def _value(text: str) -> Any:
    """A TOML value, or a word without quotes."""
    try:
        found = tomllib.loads(f"value = {text}")
        check_depth(found)
    except (RecursionError, Misfit) as error:
        raise EngineError(f"{shortened(text)} is nested too deep. Write it flat.") from error
    except ValueError:
        return text
    return found["value"] if len(found) == 1 else text  # a line break could begin another option


def _of_stage(stage: str, values: Mapping[str, Any], run: Path) -> Events:
    module = importlib.import_module(f"engine.{PLACES.get(stage, stage)}")
    asked = config.build(module.Config, dict(values), where=stage)
    run = path_of(run)
    yield from _alone(run, module.run(asked, store.Store(run)))


def _of_recipe(module: str, recipe: Path, out: Path) -> Events:
    run, folder = importlib.import_module(f"engine.{module}").run, path_of(out)
    yield from _alone(folder, run(path_of(recipe), folder))


def _alone(run: Path, events: Events) -> Events:
    """The events while no other process works in the run; what killed ones left half written is
    cleared first.

    Of the processes that torchrun starts the first one stands for all.
    """
    if processes.rank():
        yield from events
        return
    with locks.working_in(run):
        store.clear_leftovers(run)
        yield from events


def _recorded(events: Iterator[Event], file: Path) -> Iterator[Event]:
    """The events, each written down first. Raises EngineError where that fails; a follower then
    sees no last event.
    """
    with store.writing(file):
        record = open(file, "w", encoding="utf-8", buffering=1)  # noqa: SIM115 - closed below
    with record:
        for event in events:
            with store.writing(file):
                record.write(json.dumps(asdict(event), ensure_ascii=False) + "\n")
            yield event


def _report(events: Iterator[Event], told: bool = True) -> int:
    """Print a line an event, if it is to be told; an error goes to stderr."""
    kind = ""
    for event in events:
        kind = event.kind
        if not told and kind != "error":
            continue
        count = f"[{event.done}/{event.total}] " if event.total else ""
        print(count + event.text, file=sys.stderr if kind == "error" else sys.stdout, flush=True)
    return 0 if kind == "done" else 1


def _parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        "python -m engine",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog=EXAMPLES,
        description="Skill prompts, their pictures, a LoRA expert a skill, the merge, and its score.",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for command, (_, what) in RECIPES.items():
        line = commands.add_parser(command, help=what)
        line.add_argument(
            "recipe", type=Path, metavar="RECIPE.toml", help="what to run; see assets/recipes/"
        )
        line.add_argument(
            "--out",
            type=Path,
            metavar="FOLDER",
            help="the run's folder (default: runs/<recipe>, of results runs/results-<recipe>)",
        )
    for stage, what in STAGES.items():
        job = commands.add_parser(stage, help=what)
        job.add_argument(
            "folder",
            type=Path,
            metavar="FOLDER",
            help="with options a run's folder; without, a job's: "
            'it holds config.json, {"store": RUN_FOLDER, "config": {...}}, and gets events.jsonl',
        )
        job.add_argument(
            "options",
            nargs="*",
            metavar="NAME=VALUE",
            help="the stage's options, values as in TOML",
        )
    return top


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
