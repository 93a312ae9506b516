"""Which runs there are. The finished example is only read; working on it makes a copy."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from engine import jobs
from engine.core import locks
from engine.core.errors import EngineError
from engine.core.store import Store

EXAMPLE = "example"
NEW = "new run"
"""A choice and no name: the first stage that starts on it makes the run."""
RECIPES = "recipes"
"""What a folder of results has beside its runs."""
NOT_COPIED = shutil.ignore_patterns("jobs", "votes.db*", ".*")
RESULTS_OF_STAGES = (
    "prompts/[!.]*.jsonl",
    "images/*/*.png",
    "experts/*/*",
    "merges/*/*",
    "scores/*/*",
)
MOST_STEM_CHARACTERS = 50


def example() -> Path:
    """The run that ships with the app: SELMA_EXAMPLE, or assets/example_run."""
    shipped = jobs.ROOT / "assets" / "example_run"
    return Path(os.environ.get("SELMA_EXAMPLE", shipped)).resolve()


def run_names(shown: str | None = None) -> list[str]:
    """Every run, the one last worked on first, then the example and the one that is yet to be made.

    One whose jobs failed before they made anything is left out, unless it is the one that is shown.
    """
    folders = []
    for folder in jobs.runs().glob("*"):
        if _is_run(folder) and (folder.name == shown or not _came_to_nothing(folder)):
            folders.append(folder)
    folders.sort(key=_last_worked_on, reverse=True)
    names = [folder.name for folder in folders if folder.name != EXAMPLE]
    if example().is_dir():
        names.append(EXAMPLE)
    return [*names, NEW]


def default_run() -> str:
    """The run whose job is working, else the one last worked on that holds anything, else the
    example.
    """
    busy = jobs.running_job()
    if busy:
        return busy.run
    names = run_names()
    for name in names:
        if _holds_anything(name):
            return name
    return names[0]


def folder(name: str) -> Path:
    """Raises EngineError for a name that could lead out of the runs folder."""
    if name == NEW:
        return jobs.runs() / ".new"  # nothing is ever there
    return example() if name == EXAMPLE else jobs.run_folder(name)


def open_store(name: str) -> Store:
    return Store(folder(name))


def new_name(stem: str) -> str:
    """A name nobody has yet: `stem-1`, `stem-2`, ..."""
    taken = {path.name for path in jobs.runs().glob("*")}
    number = 1
    while f"{stem[:MOST_STEM_CHARACTERS]}-{number}" in taken:
        number += 1
    return f"{stem[:MOST_STEM_CHARACTERS]}-{number}"


def writable(name: str) -> str:
    """The run itself, a new one, or a fresh copy of the example.

    Raises EngineError when it cannot be copied.
    """
    if name == NEW:
        return new_name("run")
    return _copy_of_example() if name == EXAMPLE else name


def _copy_of_example() -> str:
    """Whole or not at all. Returns the copy's name."""
    name = new_name(EXAMPLE)
    runs = jobs.runs()
    try:
        runs.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=runs, prefix=".copying-") as scratch:
            copy = Path(scratch) / "run"
            if example().is_dir():
                shutil.copytree(example(), copy, ignore=NOT_COPIED)
                copy.rename(jobs.run_folder(name))
    except OSError as error:
        raise EngineError(
            f"The example cannot be copied to {runs} ({error.strerror}). Free some space or set "
            "SELMA_RUNS to another folder."
        ) from error
    return name


@contextmanager
def to_work_on(name: str) -> Iterator[str]:
    """`writable`, undone when what is to work on it raises before it has begun."""
    ours = writable(name)
    try:
        yield ours
    except EngineError:
        if ours != name:
            shutil.rmtree(folder(ours), ignore_errors=True)
        raise


def is_there(name: str) -> bool:
    return folder(name).is_dir()


def check_there(name: str) -> None:
    """Raises EngineError where no run of that name is."""
    if not is_there(name):
        raise EngineError(f"There is no run {name!r} any more. Choose another one.")


def check_changeable(name: str) -> None:
    """Raises EngineError for what can be neither renamed nor deleted."""
    if name in (EXAMPLE, NEW):
        raise EngineError(f"The {name} belongs to the app. Choose a run of your own.")
    check_there(name)
    busy = jobs.running_job()
    if busy and busy.run == name:
        raise EngineError(
            f"{busy.stage} is still working on {name!r}. Wait for it or cancel it first."
        )
    if locks.is_worked_in(folder(name)):
        raise EngineError(f"A command line is working in {name!r}. Wait for it or stop it first.")


def rename(old: str, new: str) -> None:
    """Give a run another name; all it holds goes with it.

    Raises EngineError, and then nothing has changed.
    """
    check_changeable(old)
    target = jobs.run_folder(new)
    if new in (EXAMPLE, RECIPES) or target.exists():
        raise EngineError(f"The name {new!r} is taken. Choose another one.")
    _move(old, target, "renamed")


def delete(name: str) -> None:
    """Remove a run for good, its votes too. Raises EngineError, and then nothing has changed."""
    check_changeable(name)
    target = jobs.runs() / f".deleting-{uuid4().hex}"
    _move(name, target, "deleted")  # at once, so that nobody ever sees half a run
    shutil.rmtree(target, ignore_errors=True)


def _move(name: str, target: Path, verb: str) -> None:
    try:
        folder(name).rename(target)
    except OSError as error:
        raise EngineError(
            f"{name!r} cannot be {verb} ({error.strerror}). See whether another program has its "
            "files open, and try again."
        ) from error


def votes_url(name: str) -> str:
    """Where a run's votes are kept: SELMA_VOTES, or votes.db in its folder; the example's beside
    the runs.
    """
    return os.environ.get("SELMA_VOTES") or f"sqlite:///{_votes_file(name)}"


def has_votes(name: str) -> bool:
    """Whether anybody can have voted: SQLite's file is made by the first look."""
    return bool(os.environ.get("SELMA_VOTES")) or _votes_file(name).exists()


def _votes_file(name: str) -> Path:
    if name == EXAMPLE:
        return jobs.runs() / "example-votes.db"
    return folder(name) / "votes.db"


def _is_run(folder: Path) -> bool:
    """The folder of `make results` is none: it holds runs, which SELMA_RUNS set to it shows."""
    holds_runs = folder.name == RECIPES or (folder / RECIPES).is_dir()
    return folder.is_dir() and not holds_runs and jobs.is_run_name(folder.name)


def _last_worked_on(run: Path) -> float:
    """When the run or one of its jobs changed, in seconds since 1970."""
    return max(path.stat().st_mtime for path in (run, *run.glob("jobs/*")))


def _holds_anything(name: str) -> bool:
    run = folder(name)
    return any(any(run.glob(pattern)) for pattern in RESULTS_OF_STAGES)


def _came_to_nothing(run: Path) -> bool:
    """Whether it holds nothing but jobs, and each of them failed."""
    for path in run.iterdir():
        if path.name != "jobs" and not path.name.startswith("."):
            return False
    configs = list(run.glob("jobs/*/config.json"))
    return bool(configs) and all(_failed(config.parent) for config in configs)


def _failed(job: Path) -> bool:
    return jobs.describe(job).state == "error"
