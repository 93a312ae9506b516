"""The training side: paths from pictures to noise held against diffusers' schedulers, and where timesteps are drawn."""
from types import SimpleNamespace

import pytest
import torch
from diffusers import DDPMScheduler, FlowMatchEulerDiscreteScheduler
from diffusers.training_utils import compute_density_for_timestep_sampling

from engine.core.errors import EngineError
from engine.models import diffusion
from engine.models.denoiser import Denoiser, logit_normal_timesteps
from engine.models.noise_paths import AlphaBar, StraightLine
from tests.tiny_models import tiny_sd3, tiny_stable_diffusion

CPU = torch.device("cpu")
TIMES = torch.tensor([0, 1, 500, 999])


def pair():
    generator = torch.Generator().manual_seed(1)
    return tuple(torch.randn(4, 8, 4, 4, generator=generator) for _ in range(2))


@pytest.mark.parametrize("prediction", ["epsilon", "v_prediction"])
def test_alpha_bar_is_ddpms(prediction):
    schedule = DDPMScheduler(beta_schedule="scaled_linear", prediction_type=prediction)
    path, (latents, noise) = AlphaBar(schedule.config, CPU, torch.float32), pair()
    torch.testing.assert_close(path.noised(latents, noise, TIMES), schedule.add_noise(latents, noise, TIMES))
    expected = noise if prediction == "epsilon" else schedule.get_velocity(latents, noise, TIMES)
    torch.testing.assert_close(path.target(latents, noise, TIMES), expected)
    assert torch.equal(path.network_times(TIMES), TIMES) and path.prediction == prediction


def test_alpha_bar_refuses_what_predicts_something_else():
    with pytest.raises(EngineError, match="predicts 'sample'"):
        AlphaBar(DDPMScheduler(prediction_type="sample").config, CPU, torch.float32)


@pytest.mark.parametrize("shift", [1.0, 3.0])
def test_the_straight_line_is_flow_matchings(shift):
    schedule = FlowMatchEulerDiscreteScheduler(shift=shift)
    path, (latents, noise) = StraightLine(schedule.config, CPU, torch.float32), pair()
    times = path.network_times(TIMES)
    torch.testing.assert_close(times, schedule.timesteps[999 - TIMES], atol=1e-3, rtol=1e-6)
    expected = schedule.scale_noise(latents, schedule.timesteps[999 - TIMES], noise)
    torch.testing.assert_close(path.noised(latents, noise, TIMES), expected)
    assert torch.equal(path.target(latents, noise, TIMES), noise - latents)


def test_a_step_of_the_scheduler_along_the_target_leads_back_to_the_picture():
    """What is learned and what is walked are the same way: a perfect prediction ends in the picture."""
    schedule = FlowMatchEulerDiscreteScheduler(shift=3.0)
    path, (latents, noise) = StraightLine(schedule.config, CPU, torch.float32), pair()
    schedule.set_timesteps(7)
    walked = noise
    for time in schedule.timesteps:
        walked = schedule.step(path.target(latents, noise, TIMES), time, walked, return_dict=False)[0]
    torch.testing.assert_close(walked, latents, atol=1e-5, rtol=1e-5)


def test_logit_normal_timesteps_have_the_density_of_diffusers():
    drawn = logit_normal_timesteps(1000)[torch.randint(1000, (200_000,), generator=torch.Generator().manual_seed(0))]
    theirs = compute_density_for_timestep_sampling("logit_normal", 200_000, logit_mean=0.0, logit_std=1.0,
                                                   generator=torch.Generator().manual_seed(1))
    quantiles = torch.linspace(0.05, 0.95, 19)
    ours = drawn.float().quantile(quantiles) / 1000
    torch.testing.assert_close(ours, theirs.quantile(quantiles), atol=0.01, rtol=0)
    assert 0 <= drawn.min() and drawn.max() <= 999


@pytest.mark.parametrize("make", [tiny_stable_diffusion, tiny_sd3])
def test_the_density_moves_timesteps_for_prediction_and_target_alike(make, tmp_path):
    painter = diffusion.load(str(make(tmp_path)), device="cpu")
    even, middle = Denoiser(painter), Denoiser(painter, "logit_normal")
    latents, noise = (tensor[:, :, :1, :1].repeat(1, 1, 16, 16) for tensor in pair())
    text = painter.embed(["a ball"] * 4)
    batch = SimpleNamespace(latents=latents, noise=noise, timesteps=TIMES, text=text)
    moved = SimpleNamespace(latents=latents, noise=noise, timesteps=logit_normal_timesteps(1000)[TIMES], text=text)
    with torch.no_grad():
        assert torch.equal(middle.predict(batch), even.predict(moved))
        assert not torch.allclose(middle.predict(batch), even.predict(batch), atol=1e-3)
    assert torch.equal(middle.target(batch), even.target(moved))
