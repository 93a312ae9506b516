"""How far the experts of a run have come, while they learn and afterwards."""

import re
from dataclasses import dataclass
from pathlib import Path

from engine.core import store
from engine.core.events import Event
from engine.core.files import record_of
from engine.core.store import Store

SAMPLE = re.compile(r"step-(\d{1,9})-(\d{1,9})\.png")
LOSSES = "losses.jsonl"


@dataclass(frozen=True)
class LossPoint:
    """What the loss plot needs of a point of an expert's curve."""

    step: int
    train_loss: float | None = None
    held_out_loss: float | None = None


@dataclass(frozen=True)
class Progress:
    """How far an expert has come."""

    curve: list[LossPoint]
    captions: list[str]
    """What its samples are to show."""
    samples: dict[int, list[Path]]
    """By step, in the order of the captions."""


def progress(run: Store) -> dict[str, Progress]:
    """Every expert that has begun to learn."""
    by_expert = {}
    for losses in sorted(run.folder.glob(f"experts/*/{LOSSES}")):
        expert = losses.parent
        curve = store.read_records(losses, LossPoint)
        by_expert[expert.name] = Progress(curve, _captions(expert), _samples(expert))
    return by_expert


def memory_budget(run: Store) -> str:
    """What the last training said of the memory it needs; nothing before there was one."""
    for events in sorted(run.folder.glob("jobs/*/events.jsonl"), reverse=True):
        sentence = _budget_in(events)
        if sentence:
            return sentence
    return ""


def unfinished(run: Store, name: str) -> str | None:
    """How far an expert was trained that was stopped before its end; None for one that is whole."""
    file = run.expert(name) / "recipe.json"
    recipe = store.read_object(file, step=int | None, steps=int | None)
    step, steps = recipe["step"] or 0, recipe["steps"] or 0
    if recipe.get("stopped_early") or step >= steps:
        return None
    return f"Stopped at step {step} of {steps}: train it on, or use it as it is"


def _budget_in(events: Path) -> str:
    if not events.is_file():
        return ""
    text = events.read_text(encoding="utf-8", errors="replace")
    for line in text.split("\n"):
        event = _event(line) if '"budget"' in line else None
        if event:
            return event.text.removeprefix("experts: ")
    return ""


def _event(line: str) -> Event | None:
    """None for a line that a crash has damaged: it tells nothing, and the others still count."""
    try:
        return record_of(line, Event)
    except ValueError:
        return None


def _captions(expert: Path) -> list[str]:
    file = expert / "samples" / "samples.json"
    if not file.exists():
        return []
    return store.read_object(file, captions=list[str])["captions"]


def _samples(expert: Path) -> dict[int, list[Path]]:
    """By step, each in the order of the captions, which the second number of a name counts."""
    numbered = []
    for file in expert.glob("samples/step-*-*.png"):
        match = SAMPLE.fullmatch(file.name)
        if match:  # others are no samples
            numbered.append((int(match[1]), int(match[2]), file))
    by_step: dict[int, list[Path]] = {}
    for step, _, file in sorted(numbered):
        by_step.setdefault(step, []).append(file)
    return by_step
