"""Weights that the sliders can take at once: presets, saved merges, and what searches found."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from app.show import markup
from engine import runs
from engine.core.errors import EngineError
from engine.core.store import Store, read_object
from engine.merge import records
from engine.merge.presets import PLAIN_SUM, Preset, presets
from engine.runs import contents

OF_A_MERGE = "a merge saved before"
OF_A_SEARCH = "what a search found on validation"
Recipe = dict[str, Any]


def known_presets(run: str, experts: Sequence[str]) -> dict[str, Any]:
    """The named ones, then the run's saved merges and searches."""
    store = runs.open_store(run)
    known: dict[str, Any] = {}
    if experts:
        known |= presets(experts, contents.base_model(store))
    recipes, _ = read_recipes(store)
    for name, recipe in recipes.items():
        known[name] = Preset(records.method_of(recipe), recipe["experts"], OF_A_MERGE)
    for result in sorted(store.folder.glob("searches/*/result.json")):
        weights = _searched_weights(result)
        known[result.parent.name] = Preset(PLAIN_SUM, weights, OF_A_SEARCH)
    return known


def read_recipes(store: Store) -> tuple[dict[str, Recipe], list[str]]:
    """The recipes of the run's merges by name, and a sentence for each that is damaged."""
    recipes, damaged = {}, []
    for name in contents.summary(store).merges:
        try:
            recipes[name] = contents.recipe(store.merge(name))
        except EngineError as error:
            damaged.append(str(error))
    return recipes, damaged


def view(run: str, most_sliders: int) -> str:
    """The run's merges with what they were made of; and which experts have no slider."""
    store = runs.open_store(run)
    html = ""
    if without := contents.summary(store).experts[most_sliders:]:
        html += markup.aside(
            f"There are sliders for the first {most_sliders} experts. Without one: "
            f"{', '.join(without)}. The command line merges any number."
        )
    recipes, damaged = read_recipes(store)
    html += "".join(map(markup.aside, damaged))
    sentences = {name: _sentence(recipe) for name, recipe in recipes.items()}
    return html + (markup.definitions("Saved merges", sentences) if sentences else "")


def weights_text(weights: Mapping[str, float]) -> str:
    """Experts with their weights, in a line."""
    return ", ".join(f"{name} {weight:.3g}" for name, weight in weights.items())


def _sentence(recipe: Recipe) -> str:
    return f"{recipe['method']} of {weights_text(recipe['experts'])}"


def _searched_weights(result: Path) -> dict[str, float]:
    """Raises EngineError where a search's result names no weights."""
    return read_object(result, weights=dict[str, float])["weights"]
