"""Which runs there are. The finished example is only read; working on it makes a copy."""
import os
import shutil
import tempfile
from pathlib import Path

from app import jobs
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


def names() -> list[str]:
    """Every run, the one last worked on first, then the example and the one that is yet to be made.

    The folder of `make results` is none: it holds runs, which SELMA_RUNS set to that folder shows.
    """
    found = [path for path in jobs.runs().glob("*")
             if path.is_dir() and path.name != RECIPES and not (path / RECIPES).is_dir() and _is_name(path.name)]
    own = sorted(found, key=_last_worked_on, reverse=True)
    return [path.name for path in own if path.name != EXAMPLE] + [EXAMPLE] * example().is_dir() + [NEW]


def first_shown() -> str:
    """The run whose job is working, else the one last worked on that holds anything, else the example."""
    busy = jobs.running()
    return busy.run if busy else next((name for name in names() if _holds_anything(name)), names()[0])


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
    """The run itself, a new one, or a fresh copy of the example. Raises EngineError when it cannot be copied."""
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
        raise EngineError(f"The example cannot be copied to {jobs.runs()} ({error.strerror}). Free some space or "
                          "set SELMA_RUNS to another folder.") from error
    return copy


def votes_url(name: str) -> str:
    """Where a run's votes are kept: SELMA_VOTES, or votes.db in its folder; the example's beside the runs."""
    file = jobs.runs() / "example-votes.db" if name == EXAMPLE else folder(name) / "votes.db"
    return os.environ.get("SELMA_VOTES") or f"sqlite:///{file}"


def _last_worked_on(run: Path) -> float:
    return max((path.stat().st_mtime for path in (run, *run.glob("jobs/*"))), default=0.0)


def _holds_anything(name: str) -> bool:
    made = ("prompts/[!.]*.jsonl", "images/*/*.png", "experts/*/*", "merges/*/*", "scores/*/*")
    return any(next(folder(name).glob(pattern), None) for pattern in made)


def _is_name(name: str) -> bool:
    try:
        jobs.run_folder(name)
    except EngineError:
        return False
    return True
