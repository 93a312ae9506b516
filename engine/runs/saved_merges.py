"""Weights that a run has saved: of its merges, and those that its searches found."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from engine.core.errors import EngineError
from engine.core.store import Store, read_object
from engine.merge import presets
from engine.merge.presets import Preset
from engine.models.lora import cards
from engine.runs import contents

MERGE_HINT = "a merge saved before"
SEARCH_HINT = "what a search found on validation"
Recipe = dict[str, Any]


class SavedMerges(NamedTuple):
    """The merges of a run."""

    recipes: dict[str, Recipe]
    """How each was made, by its name."""
    damaged: list[str]
    """A sentence for each whose recipe cannot be read."""

    @property
    def sentences(self) -> dict[str, str]:
        """What each was made of, by its name."""
        return {name: _sentence(recipe) for name, recipe in self.recipes.items()}


def read(run: Store) -> SavedMerges:
    """The merges of a run; one that is damaged hides no other."""
    recipes, damaged = {}, []
    for name in contents.summary(run).merges:
        try:
            recipes[name] = _recipe(run.merge(name))
        except EngineError as error:
            damaged.append(str(error))
    return SavedMerges(recipes, damaged)


def searched_weights(run: Store) -> dict[str, dict[str, float]]:
    """The best weights of each search that has come to its end, by its name.

    Raises EngineError where a search's result names no weights.
    """
    weights = {}
    for file in sorted(run.folder.glob("searches/*/result.json")):
        result = read_object(file, weights=dict[str, float])
        weights[file.parent.name] = result["weights"]
    return weights


def known_presets(run: Store, experts: Sequence[str]) -> dict[str, Preset]:
    """Those that everybody knows of these experts, then the run's saved merges and searches."""
    known: dict[str, Preset] = {}
    if experts:
        known |= presets.presets(experts, contents.base_model(run))
    for name, recipe in read(run).recipes.items():
        options = recipe.get("options") or {}
        known[name] = Preset(recipe["method"], options, recipe["experts"], MERGE_HINT)
    for name, weights in searched_weights(run).items():
        known[name] = Preset("weighted", {"strength": 1.0}, weights, SEARCH_HINT)
    return known


def weights_text(weights: Mapping[str, float]) -> str:
    """Experts with their weights, in a line."""
    return ", ".join(f"{name} {weight:.3g}" for name, weight in weights.items())


def _recipe(folder: Path) -> Recipe:
    """Raises EngineError for one that is damaged, or that is no merge's."""
    recipe = contents.recipe(folder)
    if "method" not in recipe or "experts" not in recipe:
        file = folder / cards.RECIPE
        raise EngineError(f"{file} is damaged (it names no merge). {cards.REMEDY}.")
    return recipe


def _sentence(recipe: Recipe) -> str:
    return f"{recipe['method']} of {weights_text(recipe['experts'])}"
