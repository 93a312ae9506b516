"""What a run folder holds, as far as the work has come."""
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.core import prompt_files, store
from engine.core.config import read_toml
from engine.core.errors import EngineError
from engine.core.store import Store
from engine.core.types import Picture, Prompt, Rejected
from engine.evaluate.planning import CEILING
from engine.models.checkpoints import STORYBOOK
from engine.models.lora_cards import FILE_NAME


@dataclass(frozen=True)
class Contents:
    """How much of the line a run has behind it."""

    prompts: int
    pictures: int
    experts: tuple[str, ...]
    merges: tuple[str, ...]
    scored: tuple[str, ...]
    """Models that a judge has scored."""


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
        sum(len(prompts) for prompts in accepted(run).values()), len(list(run.folder.glob("images/*/[0-9]*.png"))),
        _folders(run, "experts"), _folders(run, "merges"),
        tuple(sorted({path.parent.parent.name for path in run.folder.glob("scores/[!_]*/*/*.jsonl")
                      if path.parent.name != "pictures"} - {CEILING})))


def accepted(run: Store) -> dict[str, list[Prompt]]:
    """Prompts by skill, as far as they are written."""
    files = sorted(run.folder.glob("prompts/[!.]*.jsonl"))  # a file that is being written begins with a dot
    return {path.stem: prompt_files.read(path) for path in files
            if not path.stem.endswith(".rejected")}


def rejected(run: Store, skill: str) -> list[Rejected]:
    return store.read_records(run.rejected(skill), Rejected)


def painted(run: Store) -> dict[str, list[Painted]]:
    """Training pictures by skill, as far as they are painted."""
    folders = sorted(path for path in run.folder.glob("images/*") if path.is_dir())
    return {path.name: shown for path in folders if (shown := _painted(run, path.name))}


def learned(run: Store) -> dict[str, Learned]:
    """Every expert that has begun to learn."""
    found = {path.parent.name: path.parent for path in run.folder.glob("experts/*/losses.jsonl")}
    return {name: Learned(store.read_records(found[name] / "losses.jsonl", LossPoint), _captions(found[name]),
                          _samples(found[name])) for name in sorted(found)}


def budget(run: Store) -> str:
    """What the last training said of the memory it needs; nothing before there was one."""
    for events in sorted(run.folder.glob("jobs/*/events.jsonl"), reverse=True):
        for line in events.read_text(encoding="utf-8").splitlines():
            if '"budget"' in line:
                return str(json.loads(line)["text"]).removeprefix("experts: ")
    return ""


def arm_of(model: str) -> tuple[str, float | None]:
    """A scored model's arm and guidance scale: ("merged", 3.5) of `merged@3.5`."""
    arm, _, scale = model.rpartition("@")
    return (arm, float(scale)) if arm and re.fullmatch(r"[\d.]+", scale) else (model, None)


def base_of(run: Store) -> dict[str, Any]:
    """The base as stages are told of it: `model` and `revision`."""
    for made in sorted(run.folder.glob("experts/*/recipe.json")):
        if (base := store.read_json(made).get("base") or {}).get("model"):
            return {"model": str(base["model"]), "revision": base.get("revision")}
    file = run.folder / "recipe.toml"
    tables = read_toml(file) if file.exists() else {}
    own = tables.get("experts", {})
    return {"model": str(own.get("model") or tables.get("model") or "storybook"),
            "revision": own.get("revision") or tables.get("revision")}


def base_model(run: Store) -> str:
    """What the run's experts were or will be trained on: by an expert's recipe, by the run's, or else Storybook."""
    return str(base_of(run)["model"])


def check_judged(run: Store, what: str) -> None:
    """Raises EngineError where no judge that ships can read the run's pictures."""
    if not is_storybook(run):
        raise EngineError(f"{what} needs a judge, and the one that ships reads Storybook's pictures alone. Choose a "
                          "run on Storybook.")


def is_storybook(run: Store) -> bool:
    """Whether the run's prompts are Storybook's: its own models, or its judge."""
    return base_model(run) in STORYBOOK or any(run.folder.glob("scores/*/*/storybook.jsonl"))


def unfinished(run: Store, name: str) -> str | None:
    """How far an expert was trained that was stopped before its end; None for one that is whole."""
    made = recipe(run.expert(name))
    if made.get("stopped_early") or made.get("step", 0) >= made.get("steps", 0):
        return None
    return f"Stopped at step {made['step']} of {made['steps']}: train it on, or use it as it is"


def identity(run: Store, experts: Sequence[str]) -> str:
    """Another text for other experts, the same for a copy of them: name, time and size of each file."""
    files = [(name, run.expert(name) / FILE_NAME) for name in experts]
    told = [(name, file.stat().st_mtime_ns, file.stat().st_size) for name, file in files if file.exists()]
    return hashlib.sha256(repr([*told, base_of(run)]).encode()).hexdigest()[:16]


def recipe(made: Path) -> dict[str, Any]:
    """How an expert or a merge was made."""
    return store.read_json(made / "recipe.json")


def _painted(run: Store, skill: str) -> list[Painted]:
    """By metadata.jsonl; pictures that are newer than it are in the order of the prompts."""
    folder = run.images(skill)
    known = {picture.file_name: picture.text for picture in store.read_records(folder / store.METADATA, Picture)}
    files = sorted(path for path in folder.glob("[0-9]*.png"))
    if any(path.name not in known for path in files):
        texts = [prompt.text for prompt in prompt_files.read(run.prompts(skill))]
        each = _pictures_per_prompt(folder)
        known = {f"{n:05d}.png": text for n, text in enumerate(t for t in texts for _ in range(each))} | known
    return [Painted(path, known.get(path.name, "")) for path in files]


def _pictures_per_prompt(folder: Path) -> int:
    path = folder / "recipe.json"
    return int(store.read_json(path).get("recipe", {}).get("pictures_per_prompt", 1)) if path.exists() else 1


def _captions(expert: Path) -> list[str]:
    path = expert / "samples" / "samples.json"
    return list(store.read_json(path)["captions"]) if path.exists() else []


def _samples(expert: Path) -> dict[int, list[Path]]:
    """step-000100-0.png and its like."""
    found: dict[int, list[Path]] = {}
    numbered = sorted((tuple(map(int, path.stem.split("-")[1:])), path) for path in expert.glob("samples/step-*-*.png"))
    for (step, _), path in numbered:
        found.setdefault(step, []).append(path)
    return found


def _folders(run: Store, kind: str) -> tuple[str, ...]:
    """Names of the experts or merges that are finished: the recipe is written last."""
    return tuple(sorted(path.parent.name for path in run.folder.glob(f"{kind}/*/recipe.json")))
