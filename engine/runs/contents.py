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
from engine.core.imagefolder import skill_of
from engine.core.misfits import shortened
from engine.core.store import Store
from engine.core.types import Picture, Prompt, RejectedPrompt
from engine.evaluate.planning import CEILING
from engine.models import bases
from engine.models.bases import Base
from engine.models.lora import cards
from engine.models.lora.cards import FILE_NAME
from engine.worlds import World

REJECTED_SUFFIX = ".rejected"
"""How the stems of files end that hold what was not accepted."""
GUIDANCE = re.compile(r"\d{1,9}(\.\d{1,9})?")


@dataclass(frozen=True)
class Contents:
    """How much of the line a run has behind it."""

    prompts: int
    pictures: int
    experts: tuple[str, ...]
    merges: tuple[str, ...]
    scored: tuple[str, ...]
    """Models that a judge has scored."""


class PictureRecipe(TypedDict, total=False):
    """What the recipe of a skill's pictures says of how many there are."""

    pictures_per_prompt: int


@dataclass(frozen=True)
class TrainingPicture:
    """One training picture and what it was to show."""

    file: Path
    text: str


def summary(run: Store) -> Contents:
    """What there is, counted and by name."""
    prompt_count = sum(map(len, prompts(run).values()))
    picture_count = len(list(run.folder.glob("images/*/[0-9]*.png")))
    experts, merges = _finished(run, "experts"), _finished(run, "merges")
    return Contents(prompt_count, picture_count, experts, merges, _scored(run))


def prompts(run: Store) -> dict[str, list[Prompt]]:
    """Prompts by skill, as far as they are written."""
    by_skill = {}
    for file in sorted(run.folder.glob("prompts/[!.]*.jsonl")):  # with a dot: not yet whole
        if not file.stem.endswith(REJECTED_SUFFIX):
            by_skill[file.stem] = prompt_files.read(file)
    return by_skill


def rejected_prompts(run: Store, skill: str) -> list[RejectedPrompt]:
    return store.read_records(run.rejections(skill), RejectedPrompt)


def pictures(run: Store) -> dict[str, list[TrainingPicture]]:
    """Training pictures by skill, as far as they are painted."""
    by_skill = {}
    for folder in sorted(run.folder.glob("images/*")):
        if folder.is_dir():
            skill = skill_of(folder.name)
            by_skill[skill] = _pictures_of_skill(run, skill)
    return {skill: painted for skill, painted in by_skill.items() if painted}


def base_of(run: Store) -> Base:
    """The base that the run's experts were or will be trained on, as stages are given it."""
    for file in sorted(run.folder.glob("experts/*/recipe.json")):
        base = recipe(file.parent).get("base") or {}
        if base.get("model"):
            return _base(base, base, file)
    file = run.folder / "recipe.toml"
    tables = read_toml(file) if file.exists() else {}
    experts = tables.get("experts")
    return _base(experts if isinstance(experts, dict) else {}, tables, file)


def _base(first: Mapping[str, Any], second: Mapping[str, Any], file: Path) -> Base:
    """Model, revision and encoder, by the first table or else the second.

    Raises EngineError for what is no text.
    """
    base = {name: first.get(name) or second.get(name) for name in Base._fields}
    for name, value in base.items():
        if value and not isinstance(value, str):
            raise EngineError(
                f"{file}: {name} is {shortened(value)}, which is no text. Correct it."
            )
    model = base["model"] or worlds.usual_base()
    return Base(model, base["revision"], bases.encoder_of(base))


def base_model(run: Store) -> str:
    """What the run's experts were or will be trained on: by an expert's recipe, by the run's, or
    else the base that ships.
    """
    return base_of(run).model


def check_judged(run: Store, what: str, judge: str) -> None:
    """Raises EngineError where the judge reads the pictures of another world than the run's."""
    read = worlds.world_of_judge(judge)
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
    return worlds.world_of(base_model(run), {path.stem for path in files})


def identity(run: Store, experts: Sequence[str]) -> str:
    """Another text for other experts, the same for a copy of them: name, time and size of each
    file.
    """
    facts: list[Any] = []
    for name in experts:
        file = run.expert(name) / FILE_NAME
        if file.exists():
            facts.append((name, file.stat().st_mtime_ns, file.stat().st_size))
    facts.append(base_of(run))
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:16]


def recipe(folder: Path) -> dict[str, Any]:
    """How an expert or a merge was made. Raises EngineError for a damaged recipe."""
    return cards.read_recipe(folder)


def _pictures_of_skill(run: Store, skill: str) -> list[TrainingPicture]:
    """By metadata.jsonl; pictures that are newer than it are in the order of the prompts."""
    folder = run.images(skill)
    records = store.read_records(folder / store.METADATA, Picture)
    texts = {picture.file_name: picture.text for picture in records}
    files = []
    for file in sorted(folder.glob("[!.]*.png")):
        if file.name in texts or file.name[0].isdigit():
            files.append(file)
    if any(file.name not in texts for file in files):
        texts = _texts_by_order(run, skill, folder) | texts
    return [TrainingPicture(file, texts.get(file.name, "")) for file in files]


def _texts_by_order(run: Store, skill: str, folder: Path) -> dict[str, str]:
    """The texts that the pictures 00000.png, 00001.png, ... are painted from."""
    count = _pictures_per_prompt(folder)
    texts = {}
    for position, prompt in enumerate(prompt_files.read(run.prompts(skill))):
        first = position * count
        for number in range(first, first + count):
            texts[f"{number:05d}.png"] = prompt.text
    return texts


def _pictures_per_prompt(folder: Path) -> int:
    file = folder / "recipe.json"
    if not file.exists():
        return 1
    recipe = store.read_object(file, recipe=PictureRecipe | None)["recipe"] or {}
    return recipe.get("pictures_per_prompt", 1)


def _finished(run: Store, kind: str) -> tuple[str, ...]:
    """Names of the experts or merges that are finished: the recipe is written last."""
    recipes = run.folder.glob(f"{kind}/*/recipe.json")
    return tuple(sorted(file.parent.name for file in recipes))


def _scored(run: Store) -> tuple[str, ...]:
    """Models with a score: scores/<model>/<split>/<judge>.jsonl."""
    models = set()
    for file in run.folder.glob("scores/[!_]*/*/*.jsonl"):
        if file.parent.name != "pictures":
            models.add(file.parent.parent.name)
    return tuple(sorted(models - {CEILING}))
