"""What a run folder holds, as far as the work has come."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from engine import worlds
from engine.core import prompt_files, store
from engine.core.config import read_toml
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.files import record_of
from engine.core.imagefolder import skill_of
from engine.core.misfits import shortened
from engine.core.store import Store
from engine.core.types import Picture, Prompt, Rejected
from engine.evaluate.planning import CEILING
from engine.models.lora import cards
from engine.models.lora.cards import FILE_NAME
from engine.worlds import World

SAMPLE = re.compile(r"step-(\d{1,9})-(\d{1,9})\.png")


@dataclass(frozen=True)
class Contents:
    """How much of the line a run has behind it."""

    prompts: int
    pictures: int
    experts: tuple[str, ...]
    merges: tuple[str, ...]
    scored: tuple[str, ...]
    """Models that a judge has scored."""


class Painting(TypedDict, total=False):
    """What the recipe of a skill's pictures says of how many there are."""

    pictures_per_prompt: int


@dataclass(frozen=True)
class Painted:
    """One training picture and what it was to show."""

    file: Path
    text: str


@dataclass(frozen=True)
class LossPoint:
    """What the loss plot needs of a point of an expert's curve."""

    step: int
    train_loss: float | None = None
    held_out_loss: float | None = None


@dataclass(frozen=True)
class Learned:
    """How far an expert has come."""

    curve: list[LossPoint]
    captions: list[str]
    """What its samples are to show."""
    samples: dict[int, list[Path]]
    """By step, in the order of the captions."""


def of(run: Store) -> Contents:
    return Contents(
        sum(len(prompts) for prompts in accepted(run).values()),
        len(list(run.folder.glob("images/*/[0-9]*.png"))),
        _folders(run, "experts"),
        _folders(run, "merges"),
        tuple(
            sorted(
                {
                    path.parent.parent.name
                    for path in run.folder.glob("scores/[!_]*/*/*.jsonl")
                    if path.parent.name != "pictures"
                }
                - {CEILING}
            )
        ),
    )


def accepted(run: Store) -> dict[str, list[Prompt]]:
    """Prompts by skill, as far as they are written."""
    files = sorted(
        run.folder.glob("prompts/[!.]*.jsonl")
    )  # a file that is being written begins with a dot
    return {
        path.stem: prompt_files.read(path) for path in files if not path.stem.endswith(".rejected")
    }


def rejected(run: Store, skill: str) -> list[Rejected]:
    return store.read_records(run.rejected(skill), Rejected)


def painted(run: Store) -> dict[str, list[Painted]]:
    """Training pictures by skill, as far as they are painted."""
    folders = sorted(path for path in run.folder.glob("images/*") if path.is_dir())
    skills = (skill_of(path.name) for path in folders)
    return {skill: shown for skill in skills if (shown := _painted(run, skill))}


def learned(run: Store) -> dict[str, Learned]:
    """Every expert that has begun to learn."""
    found = {path.parent.name: path.parent for path in run.folder.glob("experts/*/losses.jsonl")}
    return {
        name: Learned(
            store.read_records(found[name] / "losses.jsonl", LossPoint),
            _captions(found[name]),
            _samples(found[name]),
        )
        for name in sorted(found)
    }


def budget(run: Store) -> str:
    """What the last training said of the memory it needs; nothing before there was one."""
    for events in sorted(run.folder.glob("jobs/*/events.jsonl"), reverse=True):
        if not events.is_file():
            continue
        for line in events.read_text(encoding="utf-8", errors="replace").split("\n"):
            if '"budget"' in line and (told := _event(line)):
                return told.text.removeprefix("experts: ")
    return ""


def _event(line: str) -> Event | None:
    """None for a line that a crash has damaged: it tells nothing, and the others still count."""
    try:
        return record_of(line, Event)
    except ValueError:
        return None


def arm_of(model: str) -> tuple[str, float | None]:
    """A scored model's arm and guidance scale: ("merged", 3.5) of `merged@3.5`."""
    arm, _, scale = model.rpartition("@")
    is_scale = re.fullmatch(r"\d{1,9}(\.\d{1,9})?", scale)
    return (arm, float(scale)) if arm and is_scale else (model, None)


def base_of(run: Store) -> dict[str, Any]:
    """The base as stages are told of it: `model` and `revision`."""
    for made in sorted(run.folder.glob("experts/*/recipe.json")):
        if (base := recipe(made.parent).get("base") or {}).get("model"):
            return _base(base, base, made)
    file = run.folder / "recipe.toml"
    tables = read_toml(file) if file.exists() else {}
    own = tables.get("experts")
    return _base(own if isinstance(own, dict) else {}, tables, file)


def _base(own: Mapping[str, Any], common: Mapping[str, Any], file: Path) -> dict[str, Any]:
    """Model and revision, by the first table or else the second.

    Raises EngineError for what is no text.
    """
    found = {name: own.get(name) or common.get(name) for name in ("model", "revision")}
    if wrong := [name for name, value in found.items() if value and not isinstance(value, str)]:
        raise EngineError(
            f"{file}: {wrong[0]} is {shortened(found[wrong[0]])}, which is no text. Correct it."
        )
    return {**found, "model": found["model"] or worlds.usual_base()}


def base_model(run: Store) -> str:
    """What the run's experts were or will be trained on: by an expert's recipe, by the run's, or
    else the base that ships.
    """
    return str(base_of(run)["model"])


def check_judged(run: Store, what: str, judge: str) -> None:
    """Raises EngineError where the judge reads the pictures of another world than the run's."""
    read = worlds.reading(judge)
    if read and read.TITLE != world(run).TITLE:
        raise _unjudged(what, read)


def judge_of(run: Store, what: str) -> str:
    """The usual judge of the run's world. Raises EngineError where it has none."""
    judge = worlds.judge_of(world(run))
    if not judge:
        raise _unjudged(what, worlds.usual())
    return judge


def _unjudged(what: str, read: World) -> EngineError:
    return EngineError(
        f"{what} needs a judge, and the one that ships reads {read.TITLE}'s pictures alone. "
        f"Choose a run on {read.TITLE}."
    )


def world(run: Store) -> World:
    """The world of the run's base, or else of a judge that has scored its pictures."""
    files = run.folder.glob("scores/*/*/*.jsonl")
    return worlds.of(base_model(run), {path.stem for path in files})


def unfinished(run: Store, name: str) -> str | None:
    """How far an expert was trained that was stopped before its end; None for one that is whole."""
    made = store.read_object(run.expert(name) / "recipe.json", step=int | None, steps=int | None)
    if made.get("stopped_early") or (made["step"] or 0) >= (made["steps"] or 0):
        return None
    return f"Stopped at step {made['step']} of {made['steps']}: train it on, or use it as it is"


def identity(run: Store, experts: Sequence[str]) -> str:
    """Another text for other experts, the same for a copy of them: name, time and size of each
    file.
    """
    files = [(name, run.expert(name) / FILE_NAME) for name in experts]
    told = [
        (name, file.stat().st_mtime_ns, file.stat().st_size)
        for name, file in files
        if file.exists()
    ]
    return hashlib.sha256(repr([*told, base_of(run)]).encode()).hexdigest()[:16]


def recipe(made: Path) -> dict[str, Any]:
    """How an expert or a merge was made. Raises EngineError for a damaged recipe."""
    return cards.read_recipe(made)


def _painted(run: Store, skill: str) -> list[Painted]:
    """By metadata.jsonl; pictures that are newer than it are in the order of the prompts."""
    folder = run.images(skill)
    known = {
        picture.file_name: picture.text
        for picture in store.read_records(folder / store.METADATA, Picture)
    }
    files = sorted(
        path for path in folder.glob("[!.]*.png") if path.name in known or path.name[0].isdigit()
    )
    if any(path.name not in known for path in files):
        texts = [prompt.text for prompt in prompt_files.read(run.prompts(skill))]
        each = _pictures_per_prompt(folder)
        known = {
            f"{n:05d}.png": text for n, text in enumerate(t for t in texts for _ in range(each))
        } | known
    return [Painted(path, known.get(path.name, "")) for path in files]


def _pictures_per_prompt(folder: Path) -> int:
    path = folder / "recipe.json"
    if not path.exists():
        return 1
    made = store.read_object(path, recipe=Painting | None)["recipe"] or {}
    return made.get("pictures_per_prompt", 1)


def _captions(expert: Path) -> list[str]:
    path = expert / "samples" / "samples.json"
    return store.read_object(path, captions=list[str])["captions"] if path.exists() else []


def _samples(expert: Path) -> dict[int, list[Path]]:
    """step-000100-0.png and its like."""
    found: dict[int, list[Path]] = {}
    named = [(SAMPLE.fullmatch(path.name), path) for path in expert.glob("samples/step-*-*.png")]
    # others are no samples
    numbered = sorted((int(name[1]), int(name[2]), path) for name, path in named if name)
    for step, _, path in numbered:
        found.setdefault(step, []).append(path)
    return found


def _folders(run: Store, kind: str) -> tuple[str, ...]:
    """Names of the experts or merges that are finished: the recipe is written last."""
    return tuple(sorted(path.parent.name for path in run.folder.glob(f"{kind}/*/recipe.json")))
