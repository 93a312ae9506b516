"""What recipe.json says of a merge, and whether the merge on disk is the one that is asked for."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.core import plugins, provenance
from engine.core.config import build
from engine.core.errors import EngineError
from engine.core.provenance import Identity
from engine.core.store import Store
from engine.merge import methods
from engine.merge.config import NOTHING, Config
from engine.models import checkpoints, tensor_files
from engine.models.lora import cards

Parents = dict[str, dict[str, Any]]
"""Hash and base of each expert, by its name."""


def recipe_of(config: Config, options: Mapping[str, Any], parents: Parents) -> Identity:
    """What decides a merge."""
    bases = [parent["base"] for parent in parents.values()]
    base = {"model": "unknown"} | (bases[0] or {})  # all experts have one
    decides = {
        "kind": "merge",
        **provenance.deciding_options(config),
        "options": dict(options),
        "parents": parents,
        "base": base,
    }
    options_defaults = provenance.defaults(plugins.load(methods, config.method).Config)
    return Identity(decides, provenance.defaults(type(config)), {"options": options_defaults})


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
    bases = {name: parent["base"] or {} for name, parent in parents.items()}
    recorded = {base.get("sha256") or base.get("model") for base in bases.values()}
    if len(recorded) == 1:
        return
    # the same weights may be recorded by a former hash
    identities = {checkpoints.identity_of(base) for base in bases.values()}
    if len(identities) == 1:
        return
    places = []
    for name, base in bases.items():
        places.append(f"{name} on {base.get('model', 'an unknown base')}")
    raise EngineError(
        f"Experts of different bases cannot be merged ({'; '.join(places)}). "
        "Choose those of one base."
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
    method_config = plugins.load(methods, config.method).Config
    options = build(method_config, config.options, config.method)
    own = provenance.identity(config, {})
    here = Identity(
        {**own, **provenance.deciding_options(options)},
        {**own.defaults, **provenance.defaults(method_config)},
    )
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
