"""An expert's files: the checkpoint it goes on from, its curve, its LoRA with card and recipe."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypedDict

from engine.core import provenance
from engine.core.errors import EngineError
from engine.core.plugins import PluginChoice
from engine.core.provenance import versions
from engine.core.store import read_object, read_records, write_records
from engine.core.type_checks import checker
from engine.experts import Config, objectives, sources
from engine.experts.learner import Learner
from engine.models import tensor_files
from engine.models.identity import recognised
from engine.models.lora import cards, expert_files
from engine.models.mixture import Mixture

CHECKPOINT = "checkpoint.safetensors"
CURVE = "losses.jsonl"
RECIPE = "recipe.json"


class State(TypedDict):
    """What a checkpoint's header says."""

    step: int
    logged_step: int
    wanted: dict[str, Any]


@dataclass(frozen=True)
class Point:
    """One point of an expert's curve; None where it was not measured."""

    step: int
    expert: str
    train_loss: float | None
    """Mean since the point before."""
    held_out_loss: float | None
    grad_norm: float | None
    """Before clipping, of the last step."""
    learning_rate: float


def is_finished(folder: Path, wanted: Mapping[str, Any]) -> bool:
    """Whether an expert was trained to its last step, or stopped early.

    Raises EngineError when it was trained differently.
    """
    if not (folder / RECIPE).exists():
        return False
    recipe = cards.read_recipe(folder)
    _check_same(folder, recipe, wanted)
    return bool(recipe.get("step") == wanted["steps"] or recipe.get("stopped_early"))


def is_other(folder: Path, wanted: Mapping[str, Any]) -> bool:
    """Whether an expert, finished or begun, was made by other options or of other pictures, or is
    damaged.

    Raises EngineError for a LoRA of others: it could not be trained again.
    """
    try:
        recipe = read_object(folder / RECIPE) if (folder / RECIPE).exists() else {}
        adopted = recipe.get("kind") == "adopted"
        if not adopted:
            is_finished(folder, wanted)
            _check_checkpoint(folder, wanted)
    except (EngineError, AttributeError, KeyError, ValueError, TypeError):
        return True
    if adopted:
        raise EngineError(
            f"{folder.name} is a LoRA that others made. Give the expert another name."
        )
    return False


def _check_checkpoint(folder: Path, wanted: Mapping[str, Any]) -> None:
    """Raises whatever a checkpoint that is damaged or another expert's makes of being read."""
    if (folder / CHECKPOINT).exists():
        _, header = tensor_files.read(folder / CHECKPOINT)
        had = checker(State)(json.loads(header["expert"]))["wanted"]
        _check_same(folder, had, {**wanted, "base": had["base"]})


def save(folder: Path, learner: Learner, wanted: Mapping[str, Any]) -> None:
    """Write the checkpoint, atomically: one file with everything the next step depends on."""
    header = {"step": learner.step, "logged_step": learner.logged_step, "wanted": dict(wanted)}
    tensor_files.write(folder / CHECKPOINT, learner.state(), {"expert": json.dumps(header)})


def resume(folder: Path, learner: Learner, wanted: Mapping[str, Any]) -> list[Point]:
    """Go on from the checkpoint, if there is one; returns the curve up to there.

    Raises EngineError when it is damaged or was made with other options.
    """
    file = folder / CHECKPOINT
    if not file.exists():
        return []
    remedy = f"Delete {file} to train {folder.name} from its start."
    try:
        tensors, header = tensor_files.read(file)
        state = checker(State)(json.loads(header["expert"]))
        _check_same(folder, state["wanted"], wanted)
        learner.load(state["step"], state["logged_step"], tensors)
    except (KeyError, ValueError, TypeError, RuntimeError) as error:
        raise EngineError(f"{file} is no checkpoint of this expert ({error}). {remedy}") from error
    return [point for point in read_records(folder / CURVE, Point) if point.step <= learner.step]


def write_curve(folder: Path, points: list[Point]) -> None:
    write_records(folder / CURVE, points)


def write_lora(
    folder: Path, learner: Learner, mixture: Mixture, wanted: Mapping[str, Any]
) -> dict[str, Any]:
    """Write the expert as it is now, averaged where it is, and return its recipe."""
    items, held_out = _counts(wanted)
    recipe = {
        **wanted,
        "kind": "expert",
        "step": learner.step,
        "versions": versions(),
        items: len(learner.stream.split.learned),
        held_out: len(learner.stream.split.held_out),
        "stopped_early": learner.stopped_early,
    }
    with learner.averaged():
        expert_files.write(folder, mixture.expert(learner.name), recipe)
    return recipe


def finish(folder: Path, learner: Learner, mixture: Mixture, wanted: Mapping[str, Any]) -> None:
    """The LoRA, then card and recipe, which stand for a whole expert; a finished one needs no
    checkpoint.
    """
    recipe = write_lora(folder, learner, mixture, wanted)
    cards.write_card(folder, _story(learner, recipe), recipe, asdict(learner.training))
    if learner.finished:
        (folder / CHECKPOINT).unlink(missing_ok=True)


def _story(learner: Learner, recipe: Mapping[str, Any]) -> str:
    skills = ", ".join(recipe["skills"])
    items, held_out = _counts(recipe)
    things = sources.source_of(_objective(recipe)).THINGS
    return (
        f"A LoRA expert for {skills}, trained for {learner.step} of {learner.training.steps} steps "
        f"on {recipe[items]} {things}; {recipe[held_out]} more were held out."
    )


def _counts(wanted: Mapping[str, Any]) -> tuple[str, str]:
    """The names under which a recipe counts what was learned from and what was held out."""
    need: str = _objective(wanted).module.NEEDS
    return need, f"held_out_{need}"


def _objective(wanted: Mapping[str, Any]) -> PluginChoice:
    """Which one it is, whatever its options were."""
    return PluginChoice(objectives, wanted["objective"])


def _check_same(folder: Path, had: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raises EngineError for an expert of other options or other data, and says which."""
    objective = _objective(wanted)
    # not recorded at first, where experts stop early
    stops_early = {"held_out_every": wanted.get("held_out_every")}
    defaults = {**provenance.defaults(Config), **stops_early}
    of_options = {"options": provenance.defaults(objective.module.Config)}
    new = provenance.Identity(wanted, defaults, of_options)
    old = new.part_of(recognised(had, wanted))
    for hashes in sources.source_of(objective).HASHES:  # they tell a reader nothing
        if old.get(hashes) != new.get(hashes):
            old[hashes], new[hashes] = "as they were", "as they are now"
    provenance.is_same(
        old,
        new,
        f"{folder} was trained with other options",
        "Set them back, give the expert another name, or set replace to train it anew",
    )
