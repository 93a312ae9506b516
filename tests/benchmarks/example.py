"""What diffusers' text-to-image LoRA example does with its time, in our words: one expert after another, from files.

Every step loads pictures, runs them through the VAE and the captions through the text encoder, and asks for the loss.
`cached` is the best that peft allows: latents and embeddings computed once and kept on the device, AdamW fused, and
nobody asks for the loss. On a GPU all of them are given bfloat16 and channels_last, which the example leaves off.
"""
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import DDPMScheduler
from peft import LoraConfig
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from engine.models.conditions import Conditions
from engine.models.diffusion import Painter
from tests.benchmarks import worlds

RANK, LEARNING_RATE = 16, 1e-4


@dataclass(frozen=True)
class Loop:
    """How the loop is run: as shipped with 0 workers, without TF32 and with AdamW as torch takes it by itself."""

    workers: int = 0
    tf32: bool = False
    fused: bool = False
    cached: bool = False


class Pictures(Dataset):
    """PNG files and captions, decoded and scaled at every visit."""

    def __init__(self, files: list[Path], captions: list[str]) -> None:
        self.files, self.captions = files, captions

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> dict[str, Any]:
        pixels = torch.from_numpy(np.asarray(Image.open(self.files[index]).convert("RGB"), np.float32) / 127.5 - 1)
        return {"pixels": pixels.permute(2, 0, 1).contiguous(), "caption": self.captions[index]}


def train(painter: Painter, data: tuple[list[Path], list[str]], steps: int, batch_size: int,
          loop: Loop) -> Iterator[None]:
    """Add a fresh adapter, called `e`, and train it; yields after every step."""
    pipe, device = painter.pipe, painter.device
    pipe.unet.requires_grad_(False)
    pipe.unet.add_adapter(LoraConfig(r=RANK, lora_alpha=RANK, init_lora_weights="gaussian",
                                     target_modules=["to_k", "to_q", "to_v", "to_out.0"]), adapter_name="e")
    learned = [p for p in pipe.unet.parameters() if p.requires_grad]
    for parameter in learned:
        parameter.data = parameter.data.float()
    optimizer = torch.optim.AdamW(learned, lr=LEARNING_RATE, weight_decay=1e-2, fused=loop.fused or None)
    torch.backends.cuda.matmul.allow_tf32 = loop.tf32
    schedule = DDPMScheduler.from_config(pipe.scheduler.config)
    torch.manual_seed(0)
    batches = _cached(painter, *data, batch_size) if loop.cached else _loaded(painter, *data, batch_size, loop.workers)
    for step, (latents, text) in enumerate(batches, 1):
        noise = torch.randn_like(latents)
        timesteps = torch.randint(0, schedule.config.num_train_timesteps, (len(latents),), device=device)
        noisy = schedule.add_noise(latents, noise, timesteps).to(pipe.unet.dtype)
        velocity = schedule.config.prediction_type == "v_prediction"
        target = schedule.get_velocity(latents, noise, timesteps) if velocity else noise
        with torch.autocast(device.type, torch.bfloat16, enabled=pipe.unet.dtype == torch.bfloat16):
            predicted = pipe.unet(noisy, timesteps, **worlds.unet_keywords(text), return_dict=False)[0]
        loss = torch.nn.functional.mse_loss(predicted.float(), target.float())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learned, 1.0)
        optimizer.step()
        optimizer.zero_grad()
        if not loop.cached:
            loss.item()  # for its progress bar
        yield
        if step == steps:
            return


def held_out_loss(painter: Painter, latents: Tensor, text: Conditions) -> float:
    """Of whatever adapter is active, at fixed noise and times."""
    schedule, generator = DDPMScheduler.from_config(painter.pipe.scheduler.config), torch.Generator().manual_seed(9)
    noise = torch.randn(latents.shape, generator=generator).to(latents)
    times = torch.linspace(20, 980, len(latents)).long().to(latents.device)
    velocity = schedule.config.prediction_type == "v_prediction"
    target = schedule.get_velocity(latents, noise, times) if velocity else noise
    with torch.no_grad():
        noisy = schedule.add_noise(latents, noise, times).to(painter.pipe.unet.dtype)
        predicted = painter.pipe.unet(noisy, times, **worlds.unet_keywords(text), return_dict=False)[0]
    return float(torch.nn.functional.mse_loss(predicted.float(), target.float()))


def fresh(painter: Painter) -> Painter:
    """The same base without any adapter."""
    other = copy.copy(painter)
    other.pipe = type(painter.pipe)(**{**painter.pipe.components, "unet": copy.deepcopy(painter.pipe.unet)})
    other.pipe.set_progress_bar_config(disable=True)
    return other


def _loaded(painter: Painter, files: list[Path], captions: list[str], batch_size: int,
            workers: int) -> Iterator[tuple[Tensor, Conditions]]:
    pipe = painter.pipe
    # the examples keep SDXL's VAE in float32, whose half precision overflows, and the others' as the UNet
    dtype = torch.float32 if hasattr(pipe, "text_encoder_2") else pipe.unet.dtype
    vae = pipe.vae if pipe.vae.dtype == dtype else copy.deepcopy(pipe.vae).to(dtype)
    loader = DataLoader(Pictures(files, captions), batch_size, shuffle=True, num_workers=workers,
                        persistent_workers=workers > 0, drop_last=True)
    while True:
        for batch in loader:
            with torch.no_grad():
                latents = vae.encode(batch["pixels"].to(painter.device, dtype)).latent_dist.sample()
            yield latents.float() * vae.config.scaling_factor, painter.embed(batch["caption"])


def _cached(painter: Painter, files: list[Path], captions: list[str],
            batch_size: int) -> Iterator[tuple[Tensor, Conditions]]:
    from engine.models.autoencoder import to_pixels
    latents = painter.encode(to_pixels([Image.open(file) for file in files])).float()
    text = painter.embed(captions)
    while True:
        for rows in torch.randperm(len(files)).split(batch_size):
            if len(rows) == batch_size:
                yield latents[rows], text.rows(rows)
