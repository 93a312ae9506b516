"""Merge methods. To add one, add a file with `Config` and either `coefficients` or `prepare`.

Methods act on the deltas scale * B @ A, never on A and B apart: a mean of A's times a mean of B's
holds products of different experts. A linear method has `coefficients(weights, config)`, what each
expert's delta is multiplied by: a mixture of the experts shows that live, and the merge is the sum
without loss. Any other has `prepare(experts, config)`, which computes what does not depend on the
weights, once, and returns a function from each expert's weight by name to the merged LoRA.
"""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from engine.merge.deltas import Merge, concatenate

if TYPE_CHECKING:
    from engine.models.lora.factors import Expert

Mixer = Callable[[Mapping[str, float]], Merge]
"""From each expert's weight by name to their merge."""


def prepare(method: ModuleType, experts: Mapping[str, "Expert"], config: Any) -> Mixer:
    """A method's merges of these experts, for any weights."""
    if hasattr(method, "prepare"):
        mixer: Mixer = method.prepare(experts, config)
        return mixer

    def merge(weights: Mapping[str, float]) -> Merge:
        return concatenate(experts, method.coefficients(weights, config))

    return merge
