"""Five experts merged to rank 16: small cores against peft's `svd` of whole matrices."""
import warnings
from collections.abc import Iterator

import torch
from peft import LoraConfig, get_peft_model
from torch import nn

from engine.merge.methods import compress
from engine.models.lora.factors import Factors
from tests.benchmarks.measure import Row, Settings, faster

SIDE = 1280
RANK = 16
EXPERTS = 5
ON_CPU = True
"""Whatever the machine has: merging is done there."""


def rows(settings: Settings) -> Iterator[Row]:
    """One layer of SDXL's commonest shape; the deltas must agree."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(SIDE, SIDE, bias=False))
    config = LoraConfig(r=RANK, lora_alpha=RANK, target_modules=["0"])
    peft = get_peft_model(model, config, "e0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft's, of several adapters: they are the point
        for number in range(1, EXPERTS):
            peft.add_adapter(f"e{number}", config)
    layer, experts = peft.base_model.model[0], {}
    for number in range(EXPERTS):
        name = f"e{number}"
        nn.init.normal_(layer.lora_B[name].weight)
        experts[name] = {"0": Factors(layer.lora_A[name].weight.detach(), layer.lora_B[name].weight.detach(), 1.0)}
    weights = {name: 0.2 + number / 10 for number, name in enumerate(experts)}

    def theirs() -> torch.Tensor:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            peft.delete_adapter("merged") if "merged" in peft.peft_config else None
            peft.add_weighted_adapter(list(weights), list(weights.values()), "merged", "svd", svd_rank=RANK)
        return layer.get_delta_weight("merged").detach()

    def ours() -> torch.Tensor:
        return compress.prepare(experts, compress.Config(rank=RANK))(weights).expert["0"].delta()

    prepared = compress.prepare(experts, compress.Config(rank=RANK))
    difference = float((ours() - theirs()).norm() / theirs().norm())
    more = {"relative difference": round(difference, 7)}
    repeats = 2 if settings.quick else 5
    yield faster("compress five experts to rank 16, a 1280 x 1280 layer", ours, theirs, repeats, ">= 20", **more)
    yield faster("the same after a slider moved", lambda: prepared(weights), theirs, repeats, ">= 20", **more)
