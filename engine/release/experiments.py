"""The tables of a world's experiments, from what `make results` and its searches measured."""

import json
from pathlib import Path
from typing import Any

from engine.core.errors import EngineError
from engine.studies.replicates.tables import by_scale, markdown
from engine.worlds import Measurements

RESULTS = Path(__file__).parents[2] / "assets" / "results"


def results(measurements: Measurements) -> str:
    """The table and the verdicts of `make results`."""
    measured = _read(measurements.results)
    scope = (
        f"Replicates of new prompts, pictures and experts: {measured['replicates']}; "
        f"test prompts a skill: {measured['prompts']}. "
        "Intervals: 95 %, over replicates and prompts."
    )
    return f"{scope}\n\n{markdown(measured)}"


def at_each_scale(measurements: Measurements) -> str:
    """The same arms on validation, at every guidance scale."""
    return by_scale(_read(measurements.results))


def search_table(measurements: Measurements) -> str:
    """What was tried on validation. Raises EngineError where a search has an arm without words."""
    arms = {}
    for recipe, words in measurements.searches.items():
        measured = _read(recipe)["arms"]
        if measured.keys() != {"base", *words}:
            raise EngineError(
                f"{recipe}.json has the arms {', '.join(sorted(measured))}. "
                "Say in the world's `searches` what each of them is."
            )
        for arm, what in words.items():
            arms[what] = measured[arm]
    return by_scale({"arms": arms})


def _read(recipe: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{recipe}.json").read_text(encoding="utf-8"))
