"""Merge experts into one LoRA that any diffusers program loads.

Reads experts/<name>/, writes merges/<name>/ in the same format with its recipe: method and {expert: weight}.
"""
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any

from engine.core import plugins
from engine.core.config import build
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.recipe import versions
from engine.core.store import Store, read_json
from engine.merge import methods


@dataclass(frozen=True)
class Config:
    """What to merge, how, and under which name."""

    experts: dict[str, float] = field(metadata={"help": "Weight of each expert, by its name"})
    name: str = field(default="merged", metadata={"help": "Name of the merged LoRA"})
    method: str = field(default="average", metadata={"help": "How the experts are combined"})
    options: dict[str, Any] = field(default_factory=dict, metadata={"help": "The method's own options"})


def run(config: Config, store: Store) -> Iterator[Event]:
    """Merge once; the same merge of the same files is not repeated. Raises EngineError, naming the remedy."""
    from engine.models import lora_cards, lora_files
    method = plugins.load(methods, config.method)
    options = build(method.Config, config.options, where=config.method)
    folder, total = store.merge(_plain(config.name)), len(config.experts) + 1
    recipe = _recipe(config, asdict(options), _parents(config, store))
    if _is_done(folder, recipe):
        yield Event(f"{config.name} is merged already.", total, total, "done", {"folder": str(folder)})
        return
    experts = {}
    for done, name in enumerate(config.experts, 1):
        experts[name] = lora_files.read(store.expert(name)).expert
        yield Event(f"Read {name}.", done, total)
    merged = method.merge(experts, config.experts, options)
    recipe["versions"] = versions()
    lora_files.write(folder, merged, recipe)
    story = f"{len(experts)} LoRA experts merged by `{config.method}`."
    lora_cards.write_card(folder, story, recipe, {**config.experts, **asdict(options)})
    rank = max(factors.rank for factors in merged.values())
    yield Event(f"Merged {len(experts)} experts into {config.name}, rank {rank}.", total, total, "done",
                {"folder": str(folder), "rank": rank})


def _plain(name: str) -> str:
    """Raises EngineError for what cannot be a folder's name."""
    if not name or name != Path(name).name or name.startswith("."):
        raise EngineError(f"{name!r} cannot be the name of a merge. Use letters, digits and dashes.")
    return name


def _parents(config: Config, store: Store) -> dict[str, dict[str, Any]]:
    """Hash and base of each expert. Raises EngineError when one is missing or their bases differ."""
    from engine.models import lora_files
    files = (store.folder / "experts").glob(f"*/{lora_files.FILE_NAME}")
    trained = sorted(file.parent.name for file in files)
    if not config.experts or not trained:
        raise EngineError("There is nothing to merge. Train experts, then name each with its weight.")
    parents: dict[str, dict[str, Any]] = {}
    for name, weight in config.experts.items():
        if name not in trained:
            raise EngineError(f"There is no expert called {name!r}. Choose from {', '.join(trained)}.")
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not isfinite(weight):
            raise EngineError(f"The weight of {name} is {weight!r}. Give it a number.")
        parents[name] = {"sha256": lora_files.sha256(store.expert(name) / lora_files.FILE_NAME),
                         "base": lora_files.read_recipe(store.expert(name)).get("base")}
    bases = [parent["base"] or {} for parent in parents.values()]
    if len({base.get("sha256") or base.get("model") for base in bases}) > 1:
        stand = zip(parents, bases, strict=True)
        told = "; ".join(f"{name} on {base.get('model', 'an unknown base')}" for name, base in stand)
        raise EngineError(f"Experts of different bases cannot be merged ({told}). Choose those of one base.")
    return parents


def _recipe(config: Config, options: dict[str, Any], parents: dict[str, dict[str, Any]]) -> dict[str, Any]:
    base = next(iter(parents.values()))["base"] or {"model": "unknown"}
    return {"kind": "merge", "name": config.name, "method": config.method, "options": options,
            "experts": dict(config.experts), "parents": parents, "base": base}


def _is_done(folder: Path, recipe: dict[str, Any]) -> bool:
    """recipe.json is written last, so it stands for all the rest."""
    if not (folder / "recipe.json").exists():
        return False
    return {**read_json(folder / "recipe.json"), "versions": None} == {**recipe, "versions": None}
