"""The models that ship: each world lists its own in `assets/<world>/models.json`. No torch."""

from dataclasses import dataclass
from pathlib import Path

from engine.core.store import read_json

ASSETS = Path(__file__).parents[2] / "assets"


@dataclass(frozen=True)
class ShippedModel:
    """A model of the list."""

    folder: Path
    """Where its weights lie, whether they are there or not."""
    training_commands: str
    """What trains and packages it anew."""
    former_hashes: dict[str, str]
    """Hashes of its files as they shipped once -> what the same weights hash to today."""


def _all_worlds_models() -> dict[str, ShippedModel]:
    models = {}
    for file in sorted(ASSETS.glob("*/models.json")):
        for name, facts in read_json(file).items():
            folder = file.parent / facts["folder"]
            former = facts.get("former_hashes", {})
            models[name] = ShippedModel(folder, facts["training_commands"], former)
    return models


MODELS = _all_worlds_models()
"""By the name that recipes know it by."""


def former_hashes() -> dict[str, str]:
    """Of files that shipped once and have changed, and what the same weights hash to today."""
    hashes: dict[str, str] = {}
    for model in MODELS.values():
        hashes |= model.former_hashes
    return hashes
