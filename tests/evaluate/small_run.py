"""A small evaluation: three arms of two random experts, and what its files hold."""
import torch

from engine.core.store import read_records
from engine.core.types import Score
from engine.models import diffusion
from engine.models.lora import expert_files
from engine.models.lora.factors import Factors, target_layers

SKILLS = ("counting", "styles")
ARMS = {"base": {}, "counting": {"counting": 1.0}, "both": {"counting": 0.5, "styles": 0.5}}


def write_experts(config, store):
    unet = diffusion.load(config.model, device="cpu").pipe.unet
    generator = torch.Generator().manual_seed(1)
    for name, rank in (("counting", 2), ("styles", 3)):
        expert = {path: Factors(torch.randn(rank, layer.in_features, generator=generator),
                                torch.randn(layer.out_features, rank, generator=generator), 0.1)
                  for path, layer in target_layers(unet, ("to_q", "to_v")).items()}
        expert_files.write(store.expert(name), expert, {})


def scores(store, model, name="validation/storybook"):
    return read_records(store.scores(model, name), Score)


def values(found):
    return {(score.prompt_id, score.seed): (score.value, score.pooled) for score in found}
