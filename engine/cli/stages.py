"""One stage: by its options in a run's folder, or as a job that somebody follows."""

import argparse
import importlib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from engine.cli import progress
from engine.cli.option_help import Help
from engine.core import config, locks, processes, store
from engine.core.errors import EngineError
from engine.core.files import path_of
from engine.core.misfits import Misfit, check_depth, shortened
from engine.core.options import option
from engine.core.stopping import Events, guarded, stop_requests
from engine.jobs import record


@dataclass(frozen=True)
class Stage:
    """Where its Config and `run` are, and what it does."""

    module: str
    what: str
    devices: bool = False
    """Whether several processes can share it, one per device."""

    def config_kind(self) -> type:
        """The Config of its options, imported now."""
        kind: type = importlib.import_module(self.module).Config
        return kind


LINE = {
    "prompts": Stage(
        "engine.prompts", "a language model writes prompts for a skill, ROUGE-L keeps the new ones"
    ),
    "images": Stage("engine.images", "the model paints the prompts"),
    "experts": Stage("engine.experts", "one LoRA per skill learns from its pictures", devices=True),
    "merge": Stage("engine.merge", "several experts become one LoRA"),
    "evaluate": Stage("engine.evaluate", "judges score pictures of the same prompts and seeds"),
    "pipeline": Stage("engine.pipeline", "the whole line, from the recipe its config names"),
}
FILES = {
    "adopt": Stage("engine.merge.adopt", "a LoRA that others made becomes an expert"),
    "export": Stage(
        "engine.merge.export", "an expert or a merge as a file for A1111, Forge and ComfyUI"
    ),
}
STUDIES = {
    "leave_one_out": Stage(
        "engine.studies.leave_one_out", "which expert a merge needs: each is left out in turn"
    ),
    "grid": Stage(
        "engine.studies.grid", "pictures over two axes of experts' weights, one noise for all"
    ),
    "search": Stage(
        "engine.studies.search",
        "weights that score better than the average, on validation and then on test",
    ),
}
STAGES = LINE | FILES | STUDIES
PIPELINE = "pipeline"
"""The one stage that takes a recipe instead of options."""
EVALUATE = "evaluate"
"""The one stage whose scores are shown at its end."""
FOLDER_HELP = (
    "with options a run's folder; without, a job's: it holds config.json, "
    '{"store": RUN_FOLDER, "config": {...}}, and gets events.jsonl'
)

OPTIONS_HELP = (
    "the stage's options, values as in TOML; a table in quotes, so that the shell leaves it whole: "
    "'options={strength=0.5}'"
)


@dataclass(frozen=True)
class PipelineConfig:
    """What a job of the whole line has to say."""

    recipe: str = option(
        help="A recipe file; on the command line: python -m engine run RECIPE.toml --out FOLDER"
    )


def _pipeline_config() -> type:
    return PipelineConfig


def add(commands: Any) -> None:
    for name, stage in STAGES.items():
        parser = commands.add_parser(
            name,
            help=stage.what,
            description=f"{stage.what}.",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            add_help=False,
        )
        config_kind = _pipeline_config if name == PIPELINE else stage.config_kind
        about = "show this and every option"
        parser.add_argument("-h", "--help", action=Help, config_kind=config_kind, help=about)
        parser.add_argument("folder", type=Path, metavar="FOLDER", help=FOLDER_HELP)
        parser.add_argument("options", nargs="*", metavar="NAME=VALUE", help=OPTIONS_HELP)
        parser.set_defaults(execute=execute)


def execute(arguments: argparse.Namespace) -> int:
    stage = arguments.command
    with stop_requests() as stop:
        check_processes(stage)
        if not arguments.options:
            return run_job(stage, arguments.folder, stop)
        events = events_of_options(stage, arguments.folder, arguments.options)
        code = progress.show(guarded(events, stop), silent=processes.rank() > 0)
        if stage == EVALUATE and not code:
            show_scores(arguments.folder, arguments.options)
        return code


def show_scores(run: Path, options: Sequence[str]) -> None:
    """Print what the split and the judge of an evaluation's options scored in the run."""
    from engine.runs import score_texts

    kind = STAGES[EVALUATE].config_kind()
    evaluation: Any = config.build(kind, values_of(options), where=EVALUATE)
    print(score_texts.table(store.Store(path_of(run)), evaluation.table))


def check_processes(command: str) -> None:
    """Raises EngineError where several processes were started for what runs in one."""
    if processes.world_size() == 1:
        return
    shared = [name for name, stage in STAGES.items() if stage.devices]
    if command not in shared:
        raise EngineError(
            f"{command} runs in one process. Several, as torchrun starts them, can share "
            f"{', '.join(shared)}."
        )


def run_job(stage: str, job: Path, stop: Callable[[], bool]) -> int:
    """Run one stage and record its events in the job's folder. Returns the exit code.

    process.json, written first, tells followers which process to look for. Raises EngineError when
    there is no such folder.
    """
    _check_job(stage, job)
    events = guarded(events_of_job(stage, job), stop)
    if processes.rank():  # the first of torchrun's processes records for all
        return progress.show(events, silent=True)
    process = psutil.Process()
    record.write_process(job, process.pid, process.cmdline())
    return progress.show(progress.record(events, job / record.EVENTS))


def _check_job(stage: str, job: Path) -> None:
    if not path_of(job).is_dir():
        raise EngineError(f"There is no job folder {job}. Make it and put a config.json in it.")
    if (job / "recipe.toml").exists() or (job / "jobs").exists():
        raise EngineError(
            f"{job} is a run, not a job. Give the stage an option, NAME=VALUE, to run it there: "
            f"python -m engine {stage} --help."
        )


def events_of_job(stage: str, job: Path) -> Events:
    """Run the stage that a job's config.json asks for.

    Raises EngineError for a config that the stage does not take.
    """
    request = record.read_request(job)
    run = path_of(request.store)
    if stage == PIPELINE:
        recipe = config.build(PipelineConfig, request.config, where=stage).recipe
        yield from events_of_recipe(STAGES[PIPELINE].module, Path(recipe), run)
    else:
        yield from _events(stage, request.config, run)


def events_of_options(stage: str, run: Path, options: Sequence[str]) -> Events:
    """Run one stage in a run's folder. Raises EngineError for an option that it does not have."""
    values = values_of(options)
    if stage == PIPELINE:
        raise EngineError(
            "The whole line takes a recipe: python -m engine run RECIPE.toml --out FOLDER."
        )
    yield from _events(stage, values, path_of(run))


def values_of(options: Sequence[str]) -> dict[str, Any]:
    """Options by name from `name=value`, the value as in TOML; a word needs no quotes.

    Raises EngineError for what is no option, and for one that is given twice.
    """
    values: dict[str, Any] = {}
    for word in options:
        name, equals, value = word.partition("=")
        if not equals:
            raise EngineError(f"{shortened(word)} is no option. Write name=value.")
        if name in values:
            raise EngineError(f"{shortened(name)} is given twice. Give it once.")
        values[name] = _value(value)
    return values


def _value(text: str) -> Any:
    """A TOML value, or a word without quotes."""
    try:
        table = tomllib.loads(f"value = {text}")
        check_depth(table)
    except (RecursionError, Misfit) as error:
        raise EngineError(f"{shortened(text)} is nested too deep. Write it flat.") from error
    except ValueError:
        return text
    if len(table) > 1:  # a line break in the text began another option
        return text
    return table["value"]


def events_of_recipe(module: str, recipe: Path, out: Path) -> Events:
    """What `run(recipe, out)` of a module yields, alone in the folder `out`."""
    run = importlib.import_module(module).run
    folder = path_of(out)
    yield from _alone(folder, run(path_of(recipe), folder))


def _events(stage: str, values: Mapping[str, Any], run: Path) -> Events:
    module = importlib.import_module(STAGES[stage].module)
    options = config.build(module.Config, dict(values), where=stage)
    yield from _alone(run, module.run(options, store.Store(run)))


def _alone(run: Path, events: Events) -> Events:
    """The events while no other process works in the run.

    What killed processes left half written is cleared first. Of the processes that torchrun starts
    the first one stands for all.
    """
    if processes.rank():
        yield from events
        return
    with locks.working_in(run):
        store.clear_leftovers(run)
        yield from events
