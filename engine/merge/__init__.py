"""Merge experts into one LoRA that any diffusers program loads.

Reads experts/<name>/, writes merges/<name>/ in the same format with its recipe: method and {expert:
weight}.
"""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from math import isnan
from pathlib import Path
from typing import Any

from engine.core import names, plugins, provenance
from engine.core.config import build
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.provenance import versions
from engine.core.stopping import is_out_of_memory
from engine.core.store import Store
from engine.core.weights import check as check_weights
from engine.merge import methods
from engine.models import checkpoints, tensor_files
from engine.models.lora import cards

LOWER = (
    "The weights or an expert's own values are too large: lower the weights, or leave that "
    "expert out."
)
STRONG = 10.0
"""A weight from which on rounding alone can make plain diffusers' picture another one."""


@dataclass(frozen=True)
class Config:
    """What to merge, how, and under which name."""

    experts: dict[str, float] = field(metadata={"help": "Weight of each expert, by its name"})
    name: str = field(default="merged", metadata={"help": "Name of the merged LoRA"})
    method: str = field(default="average", metadata={"help": "How the experts are combined"})
    options: dict[str, Any] = field(
        default_factory=dict,
        metadata={"help": "The method's own options", "recorded": "as options"},
    )
    verify: bool = field(
        default=True,
        metadata={
            "help": "Check that plain diffusers computes from the file what the sliders showed",
            "decides": False,
            "why": "it changes no weight; what was not checked is merged again",
        },
    )
    replace: bool = field(
        default=False,
        metadata={
            "help": "Merge anew what is another merge of this name",
            "decides": False,
            "why": "what to do with older work",
        },
    )


def run(config: Config, store: Store) -> Iterator[Event]:
    """Merge once; the same merge of the same files is not repeated, and of experts trained anew it
    is.

    Raises EngineError, naming the remedy.
    """
    from engine.merge import preview_weights
    from engine.models.lora.layouts import diffusers

    check(config)
    method, options = plugins.load(methods, config.method), _options(config)
    folder, total = folder_for(config, store), len(config.experts) + 1
    recipe = _recipe(config, provenance.deciding(options), _parents(config, store))
    if _is_done(folder, recipe, config):
        yield Event(
            f"{config.name} is merged already.", total, total, "done", {"folder": str(folder)}
        )
        return
    experts = {}
    for done, name in enumerate(config.experts, 1):
        experts[name] = diffusers.read(store.expert(name)).expert
        yield Event(f"Read {name}.", done, total)
    merged, kept = method.prepare(experts, options)(config.experts)
    (folder / cards.RECIPE).unlink(missing_ok=True)  # until all is there it vouches for nothing
    diffusers.write(
        folder,
        merged,
        recipe | {"energy kept": round(kept, 6), "verify": config.verify, "versions": versions()},
        LOWER,
    )
    shown = (
        (experts, preview_weights.coefficients(config.method, config.options, config.experts))
        if (preview_weights.is_live(config.method))
        else ({config.name: merged}, {config.name: 1.0})
    )
    verified = _verified(config, folder / diffusers.FILE_NAME, recipe["base"], *shown)
    story = (
        f"{len(experts)} LoRA experts merged by `{config.method}`, with {kept:.1%} of the merged "
        "deltas' energy. "
        f"{verified}"
    )
    cards.write_card(
        folder, story, diffusers.read_recipe(folder), {**config.experts, **asdict(options)}
    )
    rank = max(factors.rank for factors in merged.values())
    told = f", which keeps {kept:.1%} of the merged deltas' energy" if kept < 0.9999 else ""
    text = f"Merged {len(experts)} experts into {config.name}, rank {rank}{told}. {verified}"
    yield Event(
        text, total, total, "done", {"folder": str(folder), "rank": rank, "energy kept": kept}
    )


def _verified(
    config: Config,
    file: Path,
    base: Mapping[str, Any],
    experts: Mapping[str, Any],
    weights: Mapping[str, float],
) -> str:
    """What the verifier found. Raises EngineError when the file computes something else."""
    from engine.merge import verification

    if not config.verify:
        return "Not verified."
    if not verification.is_here(base["model"], base.get("revision")):
        return f"Not verified: {base['model']} is not on this machine."
    try:
        found = verification.difference(file, base["model"], base.get("revision"), experts, weights)
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        return "Not verified: there is too little memory for the base in single precision."
    if not found <= verification.MOST_DIFFERENCE:  # which NaN is not, either
        file.unlink()
        raise EngineError(_refusal(file, found, weights))
    return f"Verified: plain diffusers computes the same (relative difference {found:.0e})."


def _refusal(file: Path, found: float, weights: Mapping[str, float]) -> str:
    """Why a merge was not kept, by how far plain diffusers was off."""
    if isnan(found):
        return (
            f"At these weights the denoiser computes no numbers any more, so {file} is not "
            f"kept. {LOWER}"
        )
    strongest = max(map(abs, weights.values()))
    remedy = (
        f"At weights as large as {strongest:g} rounding alone does that: lower them."
        if strongest > STRONG
        else "Please report this."
    )
    return (
        f"Plain diffusers computes something else from {file} than the sliders showed "
        f"(relative difference {found:.1e}), so it is not kept. {remedy}"
    )


def check(config: Config) -> None:
    """Raises EngineError for what cannot be a name, and for experts and weights that make no merge."""
    names.check(config.name, "a merge")
    if not config.experts:
        raise EngineError(
            "There is nothing to merge. Train experts, then name each with its weight."
        )
    for name in config.experts:
        names.check(name, "an expert")
    check_weights(config.experts)
    _options(config)


def _options(config: Config) -> Any:
    """The method's own. Raises EngineError for one that is none, and what it does not take."""
    plugin = plugins.load(methods, config.method)
    return build(plugin.Config, config.options, where=f"options of the method {config.method}")


def folder_for(config: Config, store: Store) -> Path:
    """Where the merge goes. Raises EngineError where the name is an expert's or another merge's."""
    if (store.expert(config.name) / "recipe.json").exists():
        raise EngineError(
            f"There is an expert called {config.name!r}. Give the merge another name."
        )
    folder = store.merge(config.name)
    if (folder / "recipe.json").exists() and not config.replace:
        made, options = cards.read_recipe(folder), plugins.load(methods, config.method).Config
        own = provenance.identity(config, {})
        wanted = provenance.Identity(
            {**own, **provenance.deciding(build(options, config.options, config.method))},
            {**own.defaults, **provenance.defaults(options)},
        )
        had = {**own.part_of(made), "name": config.name, **(made.get("options") or {})}
        provenance.is_same(
            had,
            wanted,
            f"There is another merge called {config.name!r}",
            "Give this one another name, or set replace",
        )
    return folder


def _parents(config: Config, store: Store) -> dict[str, dict[str, Any]]:
    """Hash and base of each expert. Raises EngineError when one is missing or their bases differ."""
    from engine.models.lora.layouts import diffusers

    files = (store.folder / "experts").glob(f"*/{diffusers.FILE_NAME}")
    trained = sorted(file.parent.name for file in files)
    if not trained:
        raise EngineError(
            "There is nothing to merge. Train experts, then name each with its weight."
        )
    parents: dict[str, dict[str, Any]] = {}
    for name in config.experts:
        if name not in trained:
            raise EngineError(
                f"There is no expert called {name!r}. Choose from {', '.join(trained)}."
            )
        parents[name] = {
            "sha256": tensor_files.sha256(store.expert(name) / diffusers.FILE_NAME),
            "base": diffusers.read_recipe(store.expert(name)).get("base"),
        }
    bases = [parent["base"] or {} for parent in parents.values()]
    recorded = {base.get("sha256") or base.get("model") for base in bases}
    if len(recorded) > 1 and len({checkpoints.identity_of(base) for base in bases}) > 1:
        stand = zip(parents, bases, strict=True)
        told = "; ".join(
            f"{name} on {base.get('model', 'an unknown base')}" for name, base in stand
        )
        raise EngineError(
            f"Experts of different bases cannot be merged ({told}). Choose those of one base."
        )
    return parents


def _recipe(
    config: Config, options: dict[str, Any], parents: dict[str, dict[str, Any]]
) -> provenance.Identity:
    base = {"model": "unknown"} | (next(iter(parents.values()))["base"] or {})
    decides = {
        "kind": "merge",
        **provenance.deciding(config),
        "options": options,
        "parents": parents,
        "base": base,
    }
    options_defaults = provenance.defaults(plugins.load(methods, config.method).Config)
    return provenance.Identity(
        decides, provenance.defaults(type(config)), {"options": options_defaults}
    )


def _is_done(folder: Path, recipe: provenance.Identity, config: Config) -> bool:
    """recipe.json is written last, so it stands for all the rest.

    Raises EngineError for a damaged one that is not to be replaced.
    """
    if not (folder / "recipe.json").exists():
        return False
    try:
        made = cards.read_recipe(folder)
    except EngineError:
        if config.replace:
            return False
        raise
    is_same = not provenance.difference(recipe.part_of(made), recipe)
    return is_same and (made.get("verify") is not False or not config.verify)
