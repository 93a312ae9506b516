"""What there is to paint for a skill, in shards of fixed size, each with a key of its own."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.core.hashing import derived_seed
from engine.core.types import Prompt

SIZE = 32


@dataclass(frozen=True)
class Item:
    """The `k`-th picture of a prompt; it is painted from every seed and the best one is kept."""

    index: int
    prompt: Prompt
    k: int
    seeds: tuple[int, ...]

    @property
    def file_name(self) -> str:
        return f"{self.index:05d}.png"


@dataclass(frozen=True)
class Shard:
    """Pictures that are painted together; `key` says of what, and by which settings."""

    key: str
    items: tuple[Item, ...]

    @property
    def file_names(self) -> list[str]:
        return [item.file_name for item in self.items]


def plan(
    prompts: Sequence[Prompt],
    pictures_per_prompt: int,
    best_of: int,
    seed: int,
    recipe: Mapping[str, Any],
) -> list[Shard]:
    """Shards in order.

    The first candidate's seed is the one that is painted when there is no choice.
    """
    items: list[Item] = []
    for prompt in prompts:
        for k in range(pictures_per_prompt):
            seeds = [derived_seed(seed, prompt.id, k)]
            for candidate in range(1, best_of):
                seeds.append(derived_seed(seed, prompt.id, k, candidate))
            items.append(Item(len(items), prompt, k, tuple(seeds)))
    shards = []
    for start in range(0, len(items), SIZE):
        part = tuple(items[start : start + SIZE])
        shards.append(Shard(_key(recipe, part), part))
    return shards


def _key(recipe: Mapping[str, Any], items: Sequence[Item]) -> str:
    pictures = []
    for item in items:
        pictures.append([item.index, item.prompt.id, item.prompt.text, item.seeds])
    content = json.dumps([recipe, pictures], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]
