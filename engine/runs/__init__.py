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


def example() -> Path:
    """The run that ships with the app: SELMA_EXAMPLE, or assets/example_run."""
    return Path(os.environ.get("SELMA_EXAMPLE", jobs.ROOT / "assets" / "example_run")).resolve()


def names(shown: str | None = None) -> list[str]:
    """Every run, the one last worked on first, then the example and the one that is yet to be made.

    The folder of `make results` is none: it holds runs, which SELMA_RUNS set to that folder shows.
    One whose jobs failed before they made anything is left out, unless it is the one that is shown.
    """
    found = [
        path
        for path in jobs.runs().glob("*")
        if path.is_dir()
        and path.name != RECIPES
        and not (path / RECIPES).is_dir()
        and _is_name(path.name)
    ]
    found = [path for path in found if path.name == shown or not _came_to_nothing(path)]
    own = sorted(found, key=_last_worked_on, reverse=True)
    return (
        [path.name for path in own if path.name != EXAMPLE] + [EXAMPLE] * example().is_dir() + [NEW]
    )


def first_shown() -> str:
    """The run whose job is working, else the one last worked on that holds anything, else the
    example.
    """
    busy = jobs.running()
    return (
        busy.run if busy else next((name for name in names() if _holds_anything(name)), names()[0])
    )


def folder(name: str) -> Path:
    """Raises EngineError for a name that could lead out of the runs folder."""
    if name == NEW:
        return jobs.runs() / ".new"  # nothing is ever there
    return example() if name == EXAMPLE else jobs.run_folder(name)


def open_store(name: str) -> Store:
    return Store(folder(name))


def new(stem: str) -> str:
    """A name nobody has yet: `stem-1`, `stem-2`, ..."""
    taken = {path.name for path in jobs.runs().glob("*")}
    return next(name for n in range(1, len(taken) + 2) if (name := f"{stem[:50]}-{n}") not in taken)


def writable(name: str) -> str:
    """The run itself, a new one, or a fresh copy of the example. Raises EngineError when it cannot
    be copied.
    """
    if name != EXAMPLE:
        return new("run") if name == NEW else name
    copy = new(EXAMPLE)
    try:
        jobs.runs().mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=jobs.runs(), prefix=".copying-") as scratch:
            if example().is_dir():
                shutil.copytree(example(), Path(scratch) / "run", ignore=NOT_COPIED)
                (Path(scratch) / "run").rename(jobs.run_folder(copy))
    except OSError as error:
        raise EngineError(
            f"The example cannot be copied to {jobs.runs()} ({error.strerror}). Free some space or "
            "set SELMA_RUNS to another folder."
        ) from error
    return copy


def check_changeable(name: str) -> None:
    """Raises EngineError for what can be neither renamed nor deleted."""
    if name in (EXAMPLE, NEW):
        raise EngineError(f"The {name} belongs to the app. Choose a run of your own.")
    if not folder(name).is_dir():
        raise EngineError(f"There is no run {name!r} any more. Choose another one.")
    if (busy := jobs.running()) and busy.run == name:
        raise EngineError(
            f"{busy.stage} is still working on {name!r}. Wait for it or cancel it first."
        )
    if locks.is_worked_in(folder(name)):
        raise EngineError(f"A command line is working in {name!r}. Wait for it or stop it first.")


def rename(name: str, new_name: str) -> None:
    """Give a run another name; all it holds goes with it. Raises EngineError, and then nothing has
    changed.
    """
    check_changeable(name)
    target = jobs.run_folder(new_name)
    if new_name in (EXAMPLE, RECIPES) or target.exists():
        raise EngineError(f"The name {new_name!r} is taken. Choose another one.")
    try:
        folder(name).rename(target)
    except OSError as error:
        raise EngineError(
            f"{name!r} cannot be renamed ({error.strerror}). See whether another program has its "
            "files open, and try again."
        ) from error


def delete(name: str) -> None:
    """Remove a run for good, its votes too. Raises EngineError, and then nothing has changed."""
    check_changeable(name)
    gone = jobs.runs() / f".deleting-{uuid4().hex}"
    try:
        folder(name).rename(gone)  # at once, so that nobody ever sees half a run
    except OSError as error:
        raise EngineError(
            f"{name!r} cannot be deleted ({error.strerror}). See whether another program has its "
            "files open, and try again."
        ) from error
    shutil.rmtree(gone, ignore_errors=True)


@contextmanager
def made(name: str) -> Iterator[str]:
    """`writable`, undone when what is to work on it raises before it has begun."""
    own = writable(name)
    try:
        yield own
    except EngineError:
        if own != name:
            shutil.rmtree(folder(own), ignore_errors=True)
        raise


def votes_url(name: str) -> str:
    """Where a run's votes are kept: SELMA_VOTES, or votes.db in its folder; the example's beside
    the runs.
    """
    file = jobs.runs() / "example-votes.db" if name == EXAMPLE else folder(name) / "votes.db"
    return os.environ.get("SELMA_VOTES") or f"sqlite:///{file}"


def _last_worked_on(run: Path) -> float:
    return max((path.stat().st_mtime for path in (run, *run.glob("jobs/*"))), default=0.0)


def _holds_anything(name: str) -> bool:
    made = ("prompts/[!.]*.jsonl", "images/*/*.png", "experts/*/*", "merges/*/*", "scores/*/*")
    return any(next(folder(name).glob(pattern), None) for pattern in made)


def _came_to_nothing(run: Path) -> bool:
    """Whether it holds nothing but jobs, and each of them failed."""
    if any(path.name != "jobs" and not path.name.startswith(".") for path in run.iterdir()):
        return False
    tried = [jobs.describe(path.parent) for path in run.glob("jobs/*/config.json")]
    return bool(tried) and all(job.state == "error" for job in tried)


def _is_name(name: str) -> bool:
    try:
        jobs.run_folder(name)
    except EngineError:
        return False
    return True
