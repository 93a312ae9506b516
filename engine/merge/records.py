"""What recipe.json says of a merge, and whether the merge on disk is the one that is asked for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.core import provenance
from engine.core.errors import EngineError
from engine.core.plugins import PluginChoice
from engine.core.provenance import Identity
from engine.core.store import Store
from engine.merge import methods
from engine.merge.config import NOTHING, Config
from engine.models import bases, checkpoints, tensor_files
from engine.models.lora import cards

Parents = dict[str, dict[str, Any]]
"""Hash and base of each expert, by its name."""


def recipe_of(config: Config, parents: Parents) -> Identity:
    """What decides a merge."""
    options = config.method_choice.identity()
    first, *_ = parents.values()  # all experts have one base
    base = {"model": "unknown"} | (first["base"] or {})
    decides = {
        "kind": "merge",
        **provenance.deciding_options(config),
        "options": dict(options),
        "parents": parents,
        "base": base,
    }
    return Identity(decides, provenance.defaults(type(config)), {"options": options.defaults})


def method_of(recipe: Mapping[str, Any]) -> PluginChoice:
    """The method of a merge's recipe, with its options."""
    return PluginChoice(methods, recipe.get("method", ""), recipe.get("options") or {})


def parents_of(config: Config, store: Store) -> Parents:
    """Raises EngineError when an expert is missing, or their bases differ."""
    from engine.models.lora import expert_files

    files = (store.folder / "experts").glob(f"*/{cards.FILE_NAME}")
    experts = sorted(file.parent.name for file in files)
    if not experts:
        raise EngineError(NOTHING)
    parents = {}
    for name in config.experts:
        if name not in experts:
            choices = ", ".join(experts)
            raise EngineError(f"There is no expert called {name!r}. Choose from {choices}.")
        folder = store.expert(name)
        parents[name] = {
            "sha256": tensor_files.sha256(folder / cards.FILE_NAME),
            "base": expert_files.read_recipe(folder).get("base"),
        }
    _check_one_base(parents)
    return parents


def _check_one_base(parents: Parents) -> None:
    base_of = {name: parent["base"] or {} for name, parent in parents.items()}
    _check_one_encoder(base_of)
    recorded = {base.get("sha256") or base.get("model") for base in base_of.values()}
    if len(recorded) == 1:
        return
    # the same weights may be recorded by a former hash
    identities = {checkpoints.identity_of(base) for base in base_of.values()}
    if len(identities) == 1:
        return
    places = []
    for name, base in base_of.items():
        places.append(f"{name} on {base.get('model', 'an unknown base')}")
    raise EngineError(
        f"Experts of different bases cannot be merged ({'; '.join(places)}). "
        "Choose those of one base."
    )


def _check_one_encoder(base_of: Mapping[str, Mapping[str, Any]]) -> None:
    encoders = {name: bases.encoder_of(base) for name, base in base_of.items()}
    if len(set(encoders.values())) > 1:
        readers = [f"{name} with {encoder}" for name, encoder in encoders.items()]
        raise EngineError(
            f"Experts trained with different encoders cannot be merged ({'; '.join(readers)}). "
            "Choose those of one encoder."
        )


def folder_for(config: Config, store: Store) -> Path:
    """Where the merge goes. Raises EngineError where the name is an expert's or another merge's."""
    if (store.expert(config.name) / cards.RECIPE).exists():
        raise EngineError(
            f"There is an expert called {config.name!r}. Give the merge another name."
        )
    folder = store.merge(config.name)
    if (folder / cards.RECIPE).exists() and not config.replace:
        _check_same(config, folder)
    return folder


def _check_same(config: Config, folder: Path) -> None:
    """Raises EngineError where the merge in `folder` was made with other options."""
    recipe = cards.read_recipe(folder)
    options = config.method_choice.identity()
    own = provenance.identity(config, {})
    here = Identity({**own, **options}, {**own.defaults, **options.defaults})
    there = {**own.part_of(recipe), "name": config.name, **(recipe.get("options") or {})}
    complaint = f"There is another merge called {config.name!r}"
    provenance.is_same(there, here, complaint, "Give this one another name, or set replace")


def is_done(folder: Path, recipe: Identity, config: Config) -> bool:
    """recipe.json is written last, so it stands for all the rest.

    Raises EngineError for a damaged one that is not to be replaced.
    """
    if not (folder / cards.RECIPE).exists():
        return False
    try:
        there = cards.read_recipe(folder)
    except EngineError:
        if config.replace:
            return False
        raise
    if config.verify and there.get("verify") is False:
        return False
    return not provenance.difference(recipe.part_of(there), recipe)
