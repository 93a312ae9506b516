"""Stable Diffusion 3 through its one file: painted and trained as plain diffusers would, and mixed row by row."""
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers import DPMSolverMultistepScheduler, FlowMatchEulerDiscreteScheduler, StableDiffusion3Pipeline

from engine.core.errors import EngineError
from engine.models import diffusion, sampling
from engine.models.denoiser import Denoiser
from engine.models.diffusion import PaintingOptions
from engine.models.lora.factors import Lora
from engine.models.mixture import Mixture
from engine.models.samplers import DEFAULT
from tests.models.experts import random_experts
from tests.tiny_models import tiny_sd3

TEXTS = ["a red ball", "two blue balls left of a star", "a tree at night"]
SEEDS = [1, 2, 3]
STEPS = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_sd3(tmp_path_factory.mktemp("sd3"))


@pytest.fixture(scope="module")
def painter(folder):
    return diffusion.load(str(folder), device="cpu")


@pytest.fixture(scope="module")
def pipe(folder):
    """The plain pipeline, which knows nothing of us."""
    plain = StableDiffusion3Pipeline.from_pretrained(folder)
    plain.set_progress_bar_config(disable=True)
    return plain


@pytest.fixture
def mixture(painter):
    mixture = Mixture(painter.module, {"counting": Lora(4, 4), "styles": Lora(2, 2, ("add_q_proj", "to_v"))})
    random_experts(mixture)
    yield mixture
    mixture.remove()


def paint(painter, guidance, sampler=DEFAULT, rows=slice(None), **how):
    return painter.paint(TEXTS[rows], SEEDS[rows], guidance, PaintingOptions(STEPS, sampler, **how))


def latents_of(painted):
    return torch.stack([picture.latents for picture in painted])


def stock(pipe, painter, guidance):
    """The plain pipeline's latents from the same noise and the same embeddings."""
    text, empty = painter.embed(TEXTS), painter.empty
    return pipe(
        prompt_embeds=text["embeddings"], pooled_prompt_embeds=text["pooled"],
        negative_prompt_embeds=empty["embeddings"].expand(3, -1, -1),
        negative_pooled_prompt_embeds=empty["pooled"].expand(3, -1),
        latents=sampling.noise(SEEDS, painter.latent_shape), guidance_scale=guidance, num_inference_steps=STEPS,
        output_type="latent").images


@pytest.mark.parametrize("guidance", [1.0, 5.0])
@pytest.mark.parametrize("config", [{}, {"shift": 3.0}, {"use_dynamic_shifting": True}])
def test_our_loop_equals_the_plain_pipeline(painter, pipe, config, guidance, monkeypatch):
    monkeypatch.setattr(painter.pipe, "scheduler", FlowMatchEulerDiscreteScheduler(**config))
    monkeypatch.setattr(pipe, "scheduler", FlowMatchEulerDiscreteScheduler(**config))
    expected = stock(pipe, painter, guidance)
    torch.testing.assert_close(latents_of(paint(painter, guidance)), expected, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(latents_of(paint(painter, guidance, "euler")), expected, atol=1e-5, rtol=1e-5)


def test_the_usual_sampler_walks_the_straight_line_too(painter, pipe, monkeypatch):
    flow = DPMSolverMultistepScheduler(prediction_type="flow_prediction", use_flow_sigmas=True, flow_shift=3.0)
    expected = None
    with monkeypatch.context() as patch:
        patch.setattr(pipe, "scheduler", flow)
        expected = stock(pipe, painter, 5.0)
    monkeypatch.setattr(painter.pipe, "scheduler", FlowMatchEulerDiscreteScheduler(shift=3.0))
    torch.testing.assert_close(latents_of(paint(painter, 5.0, "dpmsolver++")), expected, atol=1e-5, rtol=1e-5)
    with pytest.raises(EngineError, match="Choose sampler dpmsolver"):
        paint(painter, 5.0, "ddim")


def test_texts_become_what_the_pipeline_makes_of_them(painter, pipe):
    tokens, empty_tokens, pooled, empty_pooled = pipe.encode_prompt(TEXTS, None, None)
    text = painter.embed(TEXTS)
    torch.testing.assert_close(text["embeddings"], tokens)
    torch.testing.assert_close(text["pooled"], pooled)
    torch.testing.assert_close(painter.empty["embeddings"], empty_tokens[:1])
    torch.testing.assert_close(painter.empty["pooled"], empty_pooled[:1])


def test_pictures_are_those_of_the_plain_pipeline(painter, pipe):
    generators = [torch.Generator().manual_seed(seed) for seed in SEEDS]
    images = pipe(TEXTS, guidance_scale=3.0, num_inference_steps=STEPS, generator=generators).images
    ours = [np.asarray(picture.image, dtype=int) for picture in paint(painter, 3.0)]
    assert np.abs(np.stack(ours) - np.stack([np.asarray(image, dtype=int) for image in images])).max() <= 1


def test_every_row_has_its_own_guidance_and_mixture(painter, mixture):
    guidance, mixes = [3.0, 1.0, 5.0], [{}, {"counting": 1.0}, {"counting": 0.5, "styles": -0.5}]
    together = latents_of(paint(painter, guidance, mixture=mixture, mix=mixture.rows(mixes)))
    for row, mix in enumerate(mixes):
        part = slice(row, row + 1)
        alone = paint(painter, guidance[row], rows=part, mixture=mixture, mix=mix)
        torch.testing.assert_close(together[part], latents_of(alone), atol=1e-5, rtol=1e-5)
    base = latents_of(paint(painter, 3.0))
    torch.testing.assert_close(together[:1], base[:1], atol=1e-5, rtol=1e-5)
    assert not torch.allclose(latents_of(paint(painter, 3.0, mixture=mixture, mix=mixes[1])), base, atol=1e-3)


@pytest.fixture
def batch(painter):
    generator = torch.Generator().manual_seed(0)
    shape = (3, *painter.latent_shape)
    return SimpleNamespace(
        latents=torch.randn(shape, generator=generator), noise=torch.randn(shape, generator=generator),
        timesteps=torch.tensor([0, 400, 999]), text=painter.embed(TEXTS))


@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_a_steps_loss_is_that_of_the_bare_transformer(painter, batch, shift, monkeypatch):
    """By hand, as diffusers' training script does it: noised along the straight line, the target noise - latents."""
    monkeypatch.setattr(painter.pipe, "scheduler", FlowMatchEulerDiscreteScheduler(shift=shift))
    denoiser = Denoiser(painter)
    schedule = FlowMatchEulerDiscreteScheduler(shift=shift)
    times = schedule.timesteps[999 - batch.timesteps]
    noisy = schedule.scale_noise(batch.latents, times, batch.noise)
    with torch.no_grad():
        predicted = painter.pipe.transformer(
            hidden_states=noisy, timestep=times, encoder_hidden_states=batch.text["embeddings"],
            pooled_projections=batch.text["pooled"]).sample
        losses = (denoiser.predict(batch) - denoiser.target(batch)).square().mean((1, 2, 3))
    expected = (predicted - (batch.noise - batch.latents)).square().mean((1, 2, 3))
    torch.testing.assert_close(losses, expected, atol=1e-6, rtol=1e-6)
    assert torch.equal(denoiser.target(batch), batch.noise - batch.latents)
    assert (denoiser.prediction, denoiser.timesteps) == ("flow", 1000)


def test_the_last_timestep_is_pure_noise_and_the_first_almost_the_picture(painter, batch):
    path = Denoiser(painter).path
    ends = path.noised(batch.latents, batch.noise, batch.timesteps)
    assert torch.equal(ends[2], batch.noise[2])
    torch.testing.assert_close(ends[0], 0.999 * batch.latents[0] + 0.001 * batch.noise[0])
    assert path.network_times(batch.timesteps).tolist() == pytest.approx([1.0, 401.0, 1000.0])
