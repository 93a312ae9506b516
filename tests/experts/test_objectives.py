"""Every objective keeps the same promises; a new file is tested by being there."""
import pytest
import torch
from diffusers import StableDiffusionPipeline

from engine.core import plugins
from engine.experts import objectives
from engine.experts.batches import Batch
from engine.models.conditions import Conditions
from engine.models.denoiser import Denoiser
from engine.models.diffusion import Painter
from engine.models.lora.factors import Lora
from engine.models.mixture import Mixture


@pytest.mark.parametrize("name", plugins.names(objectives))
def test_contract(base, name):
    objective = plugins.load(objectives, name)
    assert "](http" in objective.__doc__, "cite the paper"
    pipe = StableDiffusionPipeline.from_pretrained(base)
    denoiser = Denoiser(Painter(pipe, torch.device("cpu"), "tiny", base))
    mixture = Mixture(pipe.unet, {"a": Lora(2, 2)})
    torch.manual_seed(0)
    batch = Batch(torch.randn(3, 8, 16, 16), Conditions({"embeddings": torch.randn(3, 5, 32)}), torch.randn(3, 8, 16, 16),
                  torch.tensor([10, 500, 900]))
    with mixture.grouped({"a": 3}):
        losses = objective.loss(denoiser, batch, objective.Config())
        assert losses.shape == (3,) and losses.isfinite().all() and losses.dtype == torch.float32
        losses.mean().backward()
    assert any(p.grad.abs().max() > 0 for p in mixture.parameters_of("a"))
    assert all(p.grad is None for p in pipe.unet.parameters()), "the base is frozen"
