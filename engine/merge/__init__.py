"""Merge experts into one LoRA that any diffusers program loads.

Reads experts/<name>/, writes merges/<name>/ in the same format with its recipe: method and {expert:
weight}.
"""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.core import plugins, provenance
from engine.core.events import Event
from engine.core.provenance import versions
from engine.core.store import Store
from engine.core.weights import check as check_weights
from engine.merge import methods
from engine.merge.config import TOO_LARGE, Config, build_options, check
from engine.merge.records import folder_for, is_done, parents_of, recipe_of
from engine.models.lora import cards

if TYPE_CHECKING:
    from engine.merge.deltas import Merge

__all__ = ["Config", "check", "check_weights", "folder_for", "run"]


def run(config: Config, store: Store) -> Iterator[Event]:
    """Merge once; the same merge of the same files is not repeated, and of experts trained anew it
    is.

    Raises EngineError, naming the remedy.
    """
    from engine.merge import verification
    from engine.models.lora import expert_files

    check(config)
    options = build_options(config)
    folder = folder_for(config, store)
    total = len(config.experts) + 1
    recipe = recipe_of(config, provenance.deciding_options(options), parents_of(config, store))
    if is_done(folder, recipe, config):
        text = f"{config.name} is merged already."
        yield Event(text, total, total, "done", {"folder": str(folder)})
        return
    experts = {}
    for done, name in enumerate(config.experts, 1):
        experts[name] = expert_files.read(store.expert(name)).expert
        yield Event(f"Read {name}.", done, total)
    method = plugins.load(methods, config.method)
    merge = methods.prepare(method, experts, options)(config.experts)
    (folder / cards.RECIPE).unlink(missing_ok=True)  # until all is there it vouches for nothing
    file = _write(folder, merge, config, recipe)
    verdict = verification.verify(file, config, recipe["base"], experts, merge.expert)
    _write_card(folder, merge, verdict, config, asdict(options))
    yield _last_event(folder, merge, verdict, config)


def _write(
    folder: Path,
    merge: "Merge",
    config: Config,
    recipe: dict[str, Any],
) -> Path:
    from engine.models.lora import expert_files

    record = {
        **recipe,
        "energy kept": round(merge.energy_share, 6),
        "verify": config.verify,
        "versions": versions(),
    }
    return expert_files.write(folder, merge.expert, record, TOO_LARGE)


def _write_card(
    folder: Path, merge: "Merge", verdict: str, config: Config, options: dict[str, Any]
) -> None:
    from engine.models.lora import expert_files

    story = (
        f"{len(config.experts)} LoRA experts merged by `{config.method}`, with "
        f"{merge.energy_share:.1%} of the merged deltas' energy. {verdict}"
    )
    recipe = expert_files.read_recipe(folder)
    cards.write_card(folder, story, recipe, {**config.experts, **options})


def _last_event(folder: Path, merge: "Merge", verdict: str, config: Config) -> Event:
    total = len(config.experts) + 1
    rank = max(factors.rank for factors in merge.expert.values())
    share = merge.energy_share
    loss = f", which keeps {share:.1%} of the merged deltas' energy" if share < 0.9999 else ""
    text = f"Merged {len(config.experts)} experts into {config.name}, rank {rank}{loss}. {verdict}"
    data = {"folder": str(folder), "rank": rank, "energy kept": share}
    return Event(text, total, total, "done", data)
