"""The tables of the experiments, from what `make results` and its searches measured."""

import json
from pathlib import Path
from typing import Any

from engine.core.errors import EngineError
from engine.studies.replicates.tables import by_scale, markdown

RESULTS = Path(__file__).parents[2] / "assets" / "results"
SEARCHES = {
    "tuning": {
        "base": "the base",
        "no-dropout": "300 steps at 1e-4, annealed and averaged",
        "joint": "the same with a tenth of the captions empty, as in the next four rows",
        "slow": "at 3e-5",
        "fast": "at 3e-4",
        "long": "1,200 steps",
        "calm": "on pictures painted without guidance",
        "as-published": "at a constant 3e-4, not averaged, no empty captions",
    },
    "size": {
        "half": "on 200 pictures a skill, the recipe's amount",
        "whole": "on 400 pictures a skill",
        "tenth": "on 40 pictures a skill",
        "rank-4": "on 400, rank 4 instead of 16",
        "rank-64": "on 400, rank 64",
    },
}
"""Recipe that searched -> arm -> what the arm is, in words."""


def results() -> str:
    """The table and the verdicts of `make results`."""
    measured = _read("storybook")
    scope = (
        f"Replicates of new prompts, pictures and experts: {measured['replicates']}; "
        f"test prompts a skill: {measured['prompts']}. "
        "Intervals: 95 %, over replicates and prompts."
    )
    return f"{scope}\n\n{markdown(measured)}"


def at_each_scale() -> str:
    """The same arms on validation, at every guidance scale."""
    return by_scale(_read("storybook"))


def search_table() -> str:
    """What was tried on validation. Raises EngineError where a search has an arm without words."""
    arms = {}
    for recipe, words in SEARCHES.items():
        measured = _read(recipe)["arms"]
        if measured.keys() != {"base", *words}:
            raise EngineError(
                f"{recipe}.json has the arms {', '.join(sorted(measured))}. "
                "Say in engine/release/experiments.py what each of them is."
            )
        for arm, what in words.items():
            arms[what] = measured[arm]
    return by_scale({"arms": arms})


def _read(recipe: str) -> dict[str, Any]:
    return json.loads((RESULTS / f"{recipe}.json").read_text(encoding="utf-8"))
