"""The base: a small latent diffusion model in Stable Diffusion's own format, trained on noisy
captions, then frozen.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from engine.core.events import Event
from engine.storybook.train import data, tokens
from engine.storybook.train.loop import FIRST_PASS, Plan, half_precision, train

BATCH = 64
CHANNELS = (64, 128, 160)
"""Widths of the UNet's levels."""
CAPTION_DROPOUT = 0.1
MARKS = ("bos_token_id", "eos_token_id", "pad_token_id")
VALIDATION_SCENES = 512


def schedule() -> DDPMScheduler:
    return DDPMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        num_train_timesteps=1000,
        steps_offset=1,
        prediction_type="v_prediction",
        clip_sample=False,
    )


class Painter(nn.Module):
    """UNet and text encoder, trained together."""

    def __init__(self, tokenizer: CLIPTokenizer) -> None:
        super().__init__()
        width = 2 * CHANNELS[0]
        marks = {mark: getattr(tokenizer, mark) for mark in MARKS}
        text = CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            intermediate_size=4 * width,
            num_hidden_layers=4,
            num_attention_heads=4,
            max_position_embeddings=tokens.LENGTH_TOKENS,
            projection_dim=width,
            **marks,
        )
        self.text = CLIPTextModel(text)
        self.unet = UNet2DConditionModel(
            sample_size=16,
            in_channels=8,
            out_channels=8,
            layers_per_block=1,
            block_out_channels=CHANNELS,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
            cross_attention_dim=width,
            attention_head_dim=4,
            norm_num_groups=16,
        )

    def forward(self, noisy: Tensor, timesteps: Tensor, token_ids: Tensor) -> Tensor:
        return self.unet(noisy, timesteps, self.text(token_ids).last_hidden_state).sample


FIRST = Plan(
    steps=6000, learning_rate=6e-4, warmup_steps=300, decay_share=0.3, ema_decay=0.999, seed=31
)
"""Ends in the weak sibling."""
SECOND = Plan(
    steps=14_000,
    learning_rate=6e-4,
    warmup_steps=200,
    decay_share=0.4,
    ema_decay=0.999,
    seed=31,
    first_step=6000,
)
"""Goes on from there and ends in the base."""


def run(folder: Path, data_folder: Path, vae_folder: Path) -> Iterator[Event]:
    """Prepare the data when it is missing, then train the weak sibling and the base, resuming what
    is in `folder`.
    """
    if not (data_folder / "tokenizer").exists():
        tokens.make(data_folder / "tokenizer")
    tokenizer = CLIPTokenizer.from_pretrained(data_folder / "tokenizer")
    vae = AutoencoderKL.from_pretrained(vae_folder).eval().to(memory_format=torch.channels_last)
    yield from data.prepare(data_folder, vae, partial(tokens.encode, tokenizer))
    latents, token_ids = data.load(data_folder)
    empty = torch.tensor(tokens.encode(tokenizer, [""])[0])
    torch.manual_seed(FIRST.seed)
    model = Painter(tokenizer)
    model.unet.to(memory_format=torch.channels_last)
    held = slice(len(latents) - VALIDATION_SCENES, len(latents))
    batches = Batches(latents[: held.start], token_ids, empty, FIRST.seed)
    validate = partial(_validation, model, latents[held], token_ids[held, 0])
    loss = partial(_loss, model, batches)
    yield from train(model, loss, FIRST, folder / FIRST_PASS, validate)
    yield from train(model, loss, SECOND, folder, validate)


@dataclass(frozen=True)
class Batches:
    """What a batch is drawn from: latents (n, 8, 16, 16), token ids (n, captions, 32), the empty
    caption's (32,).
    """

    latents: Tensor
    token_ids: Tensor
    empty: Tensor
    seed: int


def _loss(model: nn.Module, batches: Batches, step: int) -> Tensor:
    """v-prediction error of one batch; everything random comes from the seed and the step."""
    generator = torch.Generator().manual_seed(batches.seed * 1_000_003 + step)
    chosen = torch.randint(len(batches.latents), (BATCH,), generator=generator)
    which = torch.randint(batches.token_ids.shape[1], (BATCH,), generator=generator)
    ids = batches.token_ids[chosen, which].long()
    dropped = torch.rand(BATCH, generator=generator) < CAPTION_DROPOUT
    ids[dropped] = batches.empty
    timesteps = torch.randint(1000, (BATCH,), generator=generator)
    return _error(model, batches.latents[chosen].float(), ids, timesteps, generator)


def _error(
    model: nn.Module, clean: Tensor, ids: Tensor, timesteps: Tensor, generator: torch.Generator
) -> Tensor:
    noise = torch.randn(clean.shape, generator=generator)
    noisy = _SCHEDULE.add_noise(clean, noise, timesteps)
    with half_precision(model.training):
        predicted = model(noisy, timesteps, ids)
    velocity = _SCHEDULE.get_velocity(clean, noise, timesteps)
    return nn.functional.mse_loss(predicted.float(), velocity)


@torch.no_grad()
def _validation(model: nn.Module, latents: Tensor, token_ids: Tensor) -> float:
    """The same scenes, noise and timesteps every time, in single precision."""
    model.eval()
    generator = torch.Generator().manual_seed(7)
    total = 0.0
    for first in range(0, len(latents), BATCH):
        clean = latents[first : first + BATCH].float()
        ids = token_ids[first : first + BATCH].long()
        timesteps = torch.linspace(10, 990, len(clean)).long()
        error = _error(model, clean, ids, timesteps, generator)
        total += float(error) * len(clean)
    model.train()
    return total / len(latents)


_SCHEDULE = schedule()
