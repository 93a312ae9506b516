"""How an expert or a merge was made, as the part of a recipe that makes it again."""

from pathlib import Path
from typing import Any

from engine import experts, merge
from engine.core import provenance
from engine.core.config import to_toml
from engine.core.errors import EngineError
from engine.core.store import Store
from engine.models.lora import cards
from engine.runs import contents

MERGE_OPTIONS = (*provenance.names(merge.Config), "options")
EXPERT_OPTIONS = (*provenance.names(experts.Config), "options")
"""What of recipe.json makes a merge or an expert again."""


def part_text(run: Store, name: str) -> str:
    """The text for an expert or a merge of a run, by its name.

    Raises EngineError where the run has none of that name, and where nobody knows how it was made.
    """
    parts = contents.summary(run)
    if name in parts.merges:
        text = read(run.merge(name))
    elif name in parts.experts:
        text = read(run.expert(name))
    else:
        choices = ", ".join((*parts.experts, *parts.merges)) or "none yet"
        raise EngineError(f"There is no expert or merge {name!r} in the run. It has {choices}.")
    if not text:
        raise EngineError(f"{name} was not made here: its recipe names no skills. See its card.")
    return text


def read(folder: Path) -> str:
    """The text for an expert or a merge in its folder; "" where nobody knows how it was made.

    Raises EngineError for a damaged recipe.json.
    """
    if not (folder / cards.RECIPE).exists():
        return ""
    return text_of(cards.read_recipe(folder))


def text_of(made: dict[str, Any]) -> str:
    """The same of what recipe.json says."""
    if made.get("kind") == "merge":
        options = {name: made[name] for name in MERGE_OPTIONS if made.get(name)}
        return to_toml({"merge": options}).strip()
    tables = _tables(made)
    if not tables:
        return ""
    options = {name: made[name] for name in EXPERT_OPTIONS if made.get(name) is not None}
    return to_toml({"experts": options | tables}).strip()


def _tables(made: dict[str, Any]) -> dict[str, Any]:
    """What stands in a recipe by the expert's name: its skills, and its share of their pictures."""
    tables = {}
    for table, field in (("experts", "skills"), ("shards", "shard")):
        if made.get("name") and made.get(field):
            tables[table] = {made["name"]: made[field]}
    return tables
