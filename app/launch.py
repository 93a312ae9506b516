"""Start a stage as a job of a run, with what a form says."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import gradio as gr

from app import access
from engine import jobs, runs
from engine.core import config, limits
from engine.core.errors import EngineError

FIRST_STAGE = "prompts"


def start(
    stage: str, run: str, kind: type, check: Callable[[Any], object], **options: Any
) -> dict[str, Any]:
    """Start a stage with its Config, `kind`, built from the options; returns `run_choice`.

    `check` is what the stage itself would first refuse. The example is copied before its copy is
    worked on. Raises EngineError with the remedy, and then no run is made.
    """
    access.check()
    order: Any = config.build(kind, options, where=stage)
    limits.check(order)
    if run == runs.NEW and stage != FIRST_STAGE:
        raise EngineError(
            "A new run is still empty, and begins with prompts. Write them first, or choose "
            "another run."
        )
    check(order)
    with jobs.turn(), runs.to_work_on(run) as writable:
        jobs.begin(stage, asdict(order), runs.folder(writable))
    return run_choice(writable)


def run_choice(run: str) -> dict[str, Any]:
    """The choice of runs, set to one."""
    return gr.update(choices=runs.run_names(run), value=run)
