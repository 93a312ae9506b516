"""From noise to latents in a loop of our own: each row has its own guidance and mixture."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from engine.core.errors import EngineError
from engine.models.checkpoints import first_line
from engine.models.conditions import Conditions
from engine.models.mixture import Mix, Mixture

USUAL_STEPS = 20
"""A number that every scheduler can do."""

Callback = Callable[[int, int, Tensor], None]
"""After each step: steps done, steps in all, latents (n, c, h, w). What it raises ends the
painting.
"""
Predict = Callable[[Tensor, Tensor, Conditions], Tensor]
"""What the network makes of noisy latents (n, c, h, w) at a time () under n conditions."""


@dataclass(frozen=True)
class PaintingOptions:
    """How pictures are painted, besides their texts, seeds and guidance scales."""

    steps: int = USUAL_STEPS
    sampler: str = "dpmsolver++"
    batch_size: int = 32
    mixture: Mixture | None = None
    mix: Mix | None = None
    """Named weights for all pictures, or (n or 1, experts); None is the base."""
    callback: Callback | None = None

    def mix_rows(self) -> Tensor | None:
        """The mix as (rows, experts); None for the base."""
        if self.mix is None:
            return None
        assert self.mixture is not None, "a mix without its mixture"
        if isinstance(self.mix, Mapping):
            return self.mixture.rows([self.mix])
        return torch.atleast_2d(self.mix)


@dataclass(frozen=True)
class Painting:
    """What one run of the loop paints: n rows of each, one of `empty`, n or 1 of `mix`."""

    noise: Tensor
    """Standard normal, (n, c, h, w)."""
    text: Conditions
    empty: Conditions
    guidance: Tensor
    """(n,)"""
    mixture: Mixture | None = None
    mix: Tensor | None = None


def noise(seeds: Sequence[int], shape: tuple[int, ...]) -> Tensor:
    """(n, *shape) standard normal in float32, each row from a CPU generator of its own seed."""
    rows = []
    for seed in seeds:
        generator = torch.Generator("cpu").manual_seed(seed)
        rows.append(torch.randn(shape, generator=generator))
    return torch.stack(rows)


def set_steps(schedule: Any, steps: int, device: torch.device, **options: Any) -> None:
    """Raises EngineError where the schedule cannot be walked in so many steps.

    Some need a few steps at least (PNDM's warm-up), others take no more than they learnt.
    """
    try:
        schedule.set_timesteps(steps, device=device, **options)
    except (ValueError, LookupError) as error:
        raise EngineError(
            f"{type(schedule).__name__} cannot paint in {steps} steps "
            f"({first_line(error)}). Choose another number of them, such as "
            f"{USUAL_STEPS}."
        ) from error


@torch.no_grad()
def sample(
    predict: Predict, schedule: Any, painting: Painting, callback: Callback | None = None
) -> Tensor:
    """Latents (n, c, h, w) in float32, scaled as the network sees them; the steps are set before.

    Classifier-free guidance ([Ho and Salimans](https://arxiv.org/abs/2207.12598), eq. 6, with g = 1
    + w): eps = eps_empty + g (eps_text - eps_empty). A row with g <= 1 is the text's prediction
    alone, once.
    """
    guided = (painting.guidance > 1).nonzero()[:, 0]
    scale_N111 = painting.guidance[guided].view(-1, 1, 1, 1)
    conditions = Conditions.cat([*[painting.empty] * len(guided), painting.text])
    # Schedulers of flow matching have no scale of their own: their noise is standard normal.
    latents = painting.noise * getattr(schedule, "init_noise_sigma", 1.0)
    with _mixed(painting, guided):
        for step, time in enumerate(schedule.timesteps, 1):
            # The guided rows come twice: first read as the empty text, then as their own.
            noisy = _scaled(schedule, torch.cat([latents[guided], latents]), time)
            predicted = predict(noisy, time, conditions).to(latents.dtype)
            of_empty, of_text = predicted[: len(guided)], predicted[len(guided) :]
            led = of_empty + scale_N111 * (of_text[guided] - of_empty)
            of_text = of_text.index_put((guided,), led)
            latents = schedule.step(of_text, time, latents, return_dict=False)[0]
            if callback:
                callback(step, len(schedule.timesteps), latents)
    return latents


def _scaled(schedule: Any, latents: Tensor, time: Tensor) -> Tensor:
    """As the network expects them; schedulers of flow matching change nothing there."""
    if not hasattr(schedule, "scale_model_input"):
        return latents
    return schedule.scale_model_input(latents, time)


def _mixed(painting: Painting, guided: Tensor) -> AbstractContextManager[None]:
    """Folded where all rows have one mix: the weights hold for many steps, and the layers then cost
    nothing more.
    """
    mixture, mix = painting.mixture, painting.mix
    if mixture is None:
        return nullcontext()
    if mix is None:
        return mixture.mix(None)
    if (mix == mix[0]).all():
        return mixture.folded(mix[0])
    return mixture.mix(torch.cat([mix[guided.to(mix.device)], mix]))
