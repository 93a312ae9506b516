"""A stage for the job tests: `python -m tests.toy_stage toy <job folder>` is the real runner on it."""
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from engine import cli
from engine.cli import stages
from engine.core.errors import EngineError, Stopped
from engine.core.events import Event
from engine.core.store import Store, write_text


@dataclass(frozen=True)
class Config:
    """`ending` says what happens after the steps."""

    steps: int = 3
    seconds: float = 0.0
    ending: str = "done"


def run(config: Config, store: Store) -> Iterator[Event]:
    try:
        for step in range(config.steps):
            yield Event(f"step {step + 1}", step + 1, config.steps, data={"loss": 1 / (step + 1)})
            time.sleep(config.seconds)
    except Stopped:
        write_text(store.folder / "saved.txt", f"step {step + 1}")
        raise
    if config.ending == "error":
        raise EngineError("There is no model called x. Choose y.")
    if config.ending == "bug":
        raise ZeroDivisionError("by zero")
    if config.ending == "vanish":
        sys.stderr.write("about to vanish\n")
        os._exit(9)
    while config.ending == "deaf":
        time.sleep(60)


if __name__ == "__main__":
    stages.STAGES["toy"] = stages.Stage("tests.toy_stage", "for the tests")
    sys.exit(cli.main(sys.argv[1:]))
