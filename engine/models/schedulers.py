"""Whether a scheduler draws noise of its own: tried, not guessed from its name."""

import copy
import inspect
from typing import Any

import torch
from torch import Tensor

STEPS = 6
"""Enough for those that draw only between some of their steps."""
SHAPE = (1, 4, 8, 8)
PREDICTED_SEED = 0


def draws_noise(schedule: Any) -> bool:
    """Whether the same predictions end elsewhere when torch's global generator stands elsewhere.

    A picture would then depend on its neighbours in the batch and on what was painted before it.
    Raises whatever the scheduler does where it has no `step(prediction, timestep, latents)`.
    """
    ends: list[Tensor] = []
    with torch.random.fork_rng(devices=[]):  # whoever called finds the generator as it was
        for state in range(2):
            torch.default_generator.manual_seed(state)
            ends.append(_walked(copy.deepcopy(schedule)))
    one, other = ends
    return not torch.allclose(one, other, equal_nan=True)


def _walked(schedule: Any) -> Tensor:
    """Latents after a few steps over predictions that are always the same."""
    generator = torch.Generator().manual_seed(PREDICTED_SEED)
    latents = torch.randn(SHAPE, generator=generator)
    schedule.set_timesteps(STEPS, **_shift(schedule))
    for timestep in schedule.timesteps:
        if hasattr(schedule, "scale_model_input"):
            schedule.scale_model_input(latents, timestep)  # some count their steps here
        predicted = torch.randn(SHAPE, generator=generator)
        latents = schedule.step(predicted, timestep, latents, return_dict=False)[0]
    return latents


def _shift(schedule: Any) -> dict[str, float]:
    """What a flow-matching pipeline works out from the picture's size; any value does here."""
    parameters = inspect.signature(schedule.set_timesteps).parameters
    shifts = schedule.config.get("use_dynamic_shifting") and "mu" in parameters
    return {"mu": 1.0} if shifts else {}
