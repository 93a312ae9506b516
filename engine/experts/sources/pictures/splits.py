"""Which items an expert learns from and which measure it: a function of skill, shard and seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.core.hashing import derived_seed

Groups = Mapping[str, Sequence[Sequence[int]]]
"""Items of each skill, in groups that are held out or learned from as a whole."""


@dataclass(frozen=True)
class Split:
    """Items, by number, that one expert learns from and is measured on."""

    learned: list[int]
    held_out: list[int]


def split(
    groups: Groups, skills: Sequence[str], shard: Sequence[int] | None, share: float, seed: int
) -> Split:
    """The items of some skills, or a random shard [index, of how many, seed] of them.

    What is held out, a `share` of the groups, depends on the skill alone, so no expert learns what
    another one is measured on; the shards of one seed share the items out among them.
    """
    learned: list[int] = []
    held_out: list[int] = []
    for skill in skills:
        own = groups[skill]
        order = permutation(len(own), seed, skill, "held out").tolist()
        count = _held_out(len(own), share)
        held_out += _sorted_items(own, order[:count])
        learned += _sorted_items(own, order[count:])
    if shard is None:
        return Split(learned, held_out)
    return Split(_part(learned, shard), _part(held_out, shard))


def permutation(count: int, *seed: object) -> Tensor:
    """The numbers below `count`, in an order that its seed's parts decide."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(derived_seed(*seed)))


def _held_out(count: int, share: float) -> int:
    """At least one where any are to be held out; and at least one is left to learn from."""
    wanted = round(share * count)
    if share > 0:
        wanted = max(1, wanted)
    return min(wanted, count - 1)


def _sorted_items(groups: Sequence[Sequence[int]], chosen: Sequence[int]) -> list[int]:
    items: list[int] = []
    for number in chosen:
        items += groups[number]
    return sorted(items)


def _part(items: Sequence[int], shard: Sequence[int]) -> list[int]:
    index, count, seed = shard
    mixed = [items[i] for i in permutation(len(items), seed, "shard").tolist()]
    return sorted(mixed[index::count])
