"""Where runs and their jobs lie: `runs/<run>/jobs/<number>-<stage>/`."""

import os
import re
from pathlib import Path

from engine.core.errors import EngineError

ROOT = Path(__file__).parents[2]
RUN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def runs() -> Path:
    """The folder of all runs: SELMA_RUNS, or `runs/` beside app.py."""
    return Path(os.environ.get("SELMA_RUNS", ROOT / "runs")).resolve()


def run_folder(name: str) -> Path:
    """Raises EngineError for a name that could lead out of the runs folder."""
    if not is_run_name(name):
        raise EngineError(
            f"{name[:80]!r} cannot name a run. Use letters, digits, dashes; 64 at most."
        )
    return runs() / name


def is_run_name(name: str) -> bool:
    return RUN_NAME.fullmatch(name) is not None


def number_of(job: Path) -> int:
    """12 of `0012-merge`; 0 for a folder that is no job's."""
    number, _, _ = job.name.partition("-")
    return int(number) if number.isdecimal() else 0


def stage_of(job: Path) -> str:
    """`merge` of `0012-merge`."""
    _, _, stage = job.name.partition("-")
    return stage


def run_of(job: Path) -> str:
    """`demo` of `runs/demo/jobs/0012-merge`."""
    return job.parent.parent.name


def new_job(stage: str, run: Path) -> Path:
    """Make the folder of a run's next job."""
    jobs = run / "jobs"
    jobs.mkdir(parents=True, exist_ok=True)
    highest = max(map(number_of, jobs.glob("[0-9]*-*")), default=0)
    folder = jobs / f"{highest + 1:04}-{stage}"
    folder.mkdir()
    return folder
