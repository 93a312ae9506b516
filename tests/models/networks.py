"""Networks of every family, small and random, with what they read."""
import torch
from diffusers import FluxTransformer2DModel, SD3Transformer2DModel

from tests.models.experts import ROWS
from tests.tiny_models import SDXL, tiny_flux, tiny_sd3

UNETS = {
    "sd1": (32, {}),
    "sd2": (32, {"use_linear_projection": True, "attention_head_dim": (2, 4)}),
    "sdxl": (56, {**SDXL, "use_linear_projection": True, "transformer_layers_per_block": (2, 1)}),
}


TARGETS = ("to_q", "to_k", "to_v", "to_out.0", "add_q_proj", "proj_out")


def flux(folder):
    model = FluxTransformer2DModel.from_pretrained(tiny_flux(folder) / "transformer")
    values = {"hidden_states": torch.randn(ROWS, 16, 32), "encoder_hidden_states": torch.randn(ROWS, 5, 64),
              "pooled_projections": torch.randn(ROWS, 32), "timestep": torch.rand(ROWS), "img_ids": torch.zeros(16, 3),
              "txt_ids": torch.zeros(5, 3)}
    return model, values


def sd3(folder):
    model = SD3Transformer2DModel.from_pretrained(tiny_sd3(folder) / "transformer")
    values = {"hidden_states": torch.randn(ROWS, 8, 16, 16), "encoder_hidden_states": torch.randn(ROWS, 6, 64),
              "pooled_projections": torch.randn(ROWS, 48), "timestep": torch.rand(ROWS) * 1000}
    return model, values
