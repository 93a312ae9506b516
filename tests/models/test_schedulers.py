"""No scheduler of diffusers draws from the global state: it is refused, or gives equal results."""
import copy
import inspect
from types import SimpleNamespace

import diffusers
import pytest
import torch

from engine.core.errors import EngineError
from engine.models.samplers import SAMPLERS, scheduler
from engine.models.sampling import set_steps

KINDS = sorted(name for name in dir(diffusers) if inspect.isclass(kind := getattr(diffusers, name))
               and issubclass(kind, diffusers.SchedulerMixin) and "step" in vars(kind))
"""Every scheduler that could be a checkpoint's own."""
NOISY = {"stochastic_sampling": True, "algorithm_type": "sde-dpmsolver++"}
"""Options that make a scheduler draw where it does not by itself."""
DRAWING = {
    "CMStochasticIterativeScheduler", "DDPMScheduler", "EulerAncestralDiscreteScheduler",
    "FlowMatchEulerDiscreteScheduler {'stochastic_sampling': True}", "FlowMatchLCMScheduler",
    "KDPM2AncestralDiscreteScheduler", "LCMScheduler", "SASolverScheduler", "TCDScheduler",
    "DPMSolverMultistepScheduler {'algorithm_type': 'sde-dpmsolver++'}",
    "EDMDPMSolverMultistepScheduler {'algorithm_type': 'sde-dpmsolver++'}"}
COMMON = {
    "DDIMScheduler", "DEISMultistepScheduler", "DPMSolverMultistepScheduler",
    "EulerDiscreteScheduler", "FlowMatchEulerDiscreteScheduler", "HeunDiscreteScheduler",
    "KDPM2DiscreteScheduler", "LMSDiscreteScheduler", "PNDMScheduler", "UniPCMultistepScheduler"}
STEPS = 5
WITHOUT = {"AmusedScheduler", "RFD4ProteinaScheduler", "VQDiffusionScheduler",
           "DEISMultistepScheduler {'algorithm_type': 'sde-dpmsolver++'}",
           "SASolverScheduler {'algorithm_type': 'sde-dpmsolver++'}"}
"""Need more than a pipeline's config gives, or have no such kind of steps: none of them can be opened."""


def made():
    """(name, scheduler) of every kind, as it comes and with each option that makes it draw."""
    for name in KINDS:
        kind = getattr(diffusers, name)
        wanted = inspect.signature(kind.__init__).parameters
        for options in ({}, *({option: NOISY[option]} for option in NOISY if option in wanted)):
            title = f"{name} {options or ''}".strip()
            if title not in WITHOUT:
                yield title, kind(**options)


def painted(schedule, state):
    """A toy problem: the model predicts half of what it sees, so that noise drawn stays in it."""
    torch.manual_seed(state)
    latents = torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(1))
    latents *= schedule.init_noise_sigma
    schedule.set_timesteps(STEPS)
    for timestep in schedule.timesteps:
        seen = schedule.scale_model_input(latents, timestep)
        latents = schedule.step(seen / 2, timestep, latents, return_dict=False)[0]
    return latents


def own(schedule):
    return scheduler(SimpleNamespace(scheduler=schedule), "default")


SCHEDULES = dict(made())


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_scheduler_is_refused_or_keeps_to_the_seed(name):
    before = torch.get_rng_state()
    try:
        chosen = own(SCHEDULES[name])
    except EngineError as error:
        remedies = ("Choose sampler dpmsolver++, ddim, euler.", "scheduler_config.json")
        assert any(remedy in str(error) for remedy in remedies)
        return
    finally:
        assert torch.equal(torch.get_rng_state(), before), "trying leaves the generator as it was"
    if not hasattr(chosen, "scale_model_input"):
        chosen.scale_model_input = lambda latents, timestep: latents
    if not hasattr(chosen, "init_noise_sigma"):
        chosen.init_noise_sigma = 1.0
    one, other = (painted(copy.deepcopy(chosen), state) for state in (11, 12))
    assert torch.allclose(one, other, equal_nan=True)


def test_what_draws_is_refused_for_that_reason_and_common_samplers_are_not():
    refused = set()
    for name, schedule in SCHEDULES.items():
        try:
            own(schedule)
        except EngineError as error:
            if "draws new noise at every step" in str(error):
                refused.add(name)
    assert refused >= DRAWING
    assert not refused & COMMON


def test_a_shift_by_the_size_of_the_picture_is_no_obstacle():
    schedule = diffusers.FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True)
    assert own(schedule).config.use_dynamic_shifting
    noisy = type(schedule)(use_dynamic_shifting=True, stochastic_sampling=True)
    with pytest.raises(EngineError, match="without stochastic_sampling"):
        own(noisy)


def test_a_noise_schedule_that_does_not_suit_is_told():
    broken = SimpleNamespace(config={"beta_schedule": "of the day"})
    for sampler in set(SAMPLERS) - {"default"}:
        expected = "not suit .*of the day.* Choose sampler"
        with pytest.raises(EngineError, match=expected):
            scheduler(SimpleNamespace(scheduler=broken), sampler)


@pytest.mark.parametrize("steps", [1, 3])
def test_a_scheduler_that_cannot_walk_in_so_few_steps_is_refused_with_a_remedy(steps):
    with pytest.raises(EngineError, match=f"PNDMScheduler .*{steps} steps .*as 20"):
        set_steps(diffusers.PNDMScheduler(), steps, torch.device("cpu"))
