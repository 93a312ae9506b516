"""The exact weighted sum of LoRA deltas, as one LoRA of the summed rank."""
from collections.abc import Mapping
from typing import TYPE_CHECKING

from engine.core.errors import EngineError

if TYPE_CHECKING:
    from engine.models.lora import Expert


def concatenate(experts: Mapping[str, "Expert"], coefficients: Mapping[str, float]) -> "Expert":
    """sum of c_i s_i B_i A_i = [c_1 s_1 B_1, c_2 s_2 B_2, ...] [A_1; A_2; ...], per layer, with scale 1.

    Any ranks and scales; a layer that some experts leave alone holds the others' share. Experts whose
    coefficient is zero take no rank. Raises EngineError when all are.
    """
    import torch

    from engine.models.lora import Factors
    used = {name: expert for name, expert in experts.items() if coefficients[name] != 0}
    if not used:
        raise EngineError("Every weight is zero, so the merge would be the base. Give an expert a weight.")
    merged = {}
    for path in dict.fromkeys(path for expert in used.values() for path in expert):
        parts = [(coefficients[name], expert[path]) for name, expert in used.items() if path in expert]
        a = torch.cat([factors.a.float() for _, factors in parts])
        b = torch.cat([c * factors.scale * factors.b.float() for c, factors in parts], dim=1)
        merged[path] = Factors(a, b, 1.0)
    return merged
