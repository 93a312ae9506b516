"""What decides the scores of a model and each of its pictures, and the record of it beside them."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from engine.core import options, provenance
from engine.core.errors import EngineError
from engine.core.provenance import Identity, versions
from engine.core.store import read_object, write_json
from engine.evaluate import Config
from engine.evaluate.planning import CEILING, Row
from engine.evaluate.prompt_sets import Prompts, prompts_sha256
from engine.models.identity import recognised
from engine.option_groups import Sampling

DECIDES_NO_SCENE = ("seed", "encoder", *provenance.names(Sampling))
"""A drawn scene has nothing of a painter in it, nor of its noise or of its reading of the text."""
PROMPTS_OF = "prompts of "
"""Before the name of each skill that was asked for: the hash of its prompts."""
JUDGE_S = "judge's "
"""Before the name of each of the judge's options."""
DECIDES_NO_PICTURE = ("judge", "split", "seed")
"""Which pictures are painted and who scores them; a picture's own seed stands for the seed."""
AGAIN = "Set replace to judge anew (replace=true on the command line)"


class Weights(Protocol):
    """The hashes of a base and of the experts beside it."""

    @property
    def fingerprint(self) -> str: ...

    @property
    def hashes(self) -> dict[str, str]: ...


def of_models(
    config: Config, prompts: Prompts, planned: Sequence[Row], weights: Weights
) -> dict[str, Identity]:
    """By model, the ceiling among them: everything that decides its scores."""
    shared = _shared(config, prompts, weights)
    recipes: dict[str, Identity] = {}
    for row in planned:
        if row.model in recipes:
            continue
        if row.model == CEILING:
            recipes[row.model] = shared.omit(*DECIDES_NO_SCENE)
            continue
        own: dict[str, Any] = {"guidance": row.guidance}
        for expert, weight in row.mix.items():
            own[f"weight of {expert}"] = weight
            own[f"{expert}'s sha256"] = weights.hashes[expert]
        recipes[row.model] = shared.plus(own)
    return recipes


def of_picture(recipe: Identity, row: Row) -> str:
    """The sha256 of everything that decides a picture: of its model's recipe, its text and seed."""
    deciding = {"text": row.prompt.text, "picture's seed": row.seed}
    for name, value in recipe.items():
        if name not in DECIDES_NO_PICTURE and not name.startswith((PROMPTS_OF, JUDGE_S)):
            deciding[name] = value
    return hashlib.sha256(json.dumps(deciding, sort_keys=True).encode()).hexdigest()


def write(path: Path, recipe: Identity, goes_on: bool) -> None:
    """What decides the scores; where they go on, a skill that is asked for later is added."""
    record: dict[str, Any] = {"recipe": {}, "versions": versions()}
    if goes_on:
        record = read_object(path, recipe=dict)
    if not recipe.items() <= record["recipe"].items():
        write_json(path, {**record, "recipe": record["recipe"] | recipe})


def is_other(path: Path, recipe: Identity, model: str, may_replace: bool) -> bool:
    """Whether a model's scores were made by another recipe and are to be replaced.

    Raises EngineError where they were and may not be replaced.
    """
    try:
        recorded = _recorded(path, model)
    except EngineError:
        if may_replace:  # nobody needs to know how they were made
            return True
        raise
    old, new = recognised(recorded, recipe), recipe
    for name in old.keys() ^ new.keys():
        if name.startswith(PROMPTS_OF):  # skills of which only one knows stand beside each other
            old.pop(name, None)
            new = new.omit(name)
    complaint = f"The scores of {model} were made with other settings"
    remedy = f"Set them back, choose another run, or {AGAIN.lower()}"
    return not provenance.is_same(old, new, complaint, remedy, may_replace)


def _shared(config: Config, prompts: Prompts, weights: Weights) -> Identity:
    """What all models of an evaluation share, and the ceiling too."""
    parents: dict[str, Any] = {"model's sha256": weights.fingerprint}
    for name, value in config.judge_choice.options.items():
        parents[f"{JUDGE_S}{name}"] = value
    for skill, of_skill in prompts.items():
        parents[f"{PROMPTS_OF}{skill}"] = prompts_sha256({skill: of_skill})
    whole = provenance.identity(config, parents)
    # a record holds the options that were given; to compare, the judge's others have defaults
    judge_defaults = options.defaults(type(config.judge_choice.config()))
    for name, value in judge_defaults.items():
        whole.defaults[f"{JUDGE_S}{name}"] = value
    return whole


def _recorded(path: Path, model: str) -> dict[str, Any]:
    if not path.exists():
        raise EngineError(
            f"{path} is missing, and nobody knows how the scores of {model} were made. {AGAIN}."
        )
    return provenance.read(path, AGAIN)
