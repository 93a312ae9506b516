"""A small UNet, what it reads, and a mixture of experts beside it."""
import pytest
import torch
from diffusers import UNet2DConditionModel

from engine.models.lora.factors import Lora
from engine.models.mixture import Mixture
from tests.models.experts import ROWS, random_experts
from tests.tiny_models import tiny_stable_diffusion


@pytest.fixture(scope="module")
def unet(tmp_path_factory):
    folder = tiny_stable_diffusion(tmp_path_factory.mktemp("sd"))
    return UNet2DConditionModel.from_pretrained(folder / "unet").requires_grad_(False).eval()


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(1)
    return {"sample": torch.randn(ROWS, 8, 16, 16, generator=generator),
            "timestep": torch.tensor([5, 300, 600, 990]),
            "encoder_hidden_states": torch.randn(ROWS, 32, 32, generator=generator)}


@pytest.fixture
def mixed(unet):
    mixture = Mixture(unet, {"a": Lora(4, 8), "b": Lora(7, 3), "c": Lora(2, 2, targets=("to_k",))})
    random_experts(mixture)
    yield mixture
    mixture.remove()
