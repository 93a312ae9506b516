"""What the benchmarks run on: the shipped base, or random weights of a real size."""
import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    DPMSolverMultistepScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from engine.models import diffusion
from engine.models.conditions import Conditions
from engine.models.diffusion import Painter
from engine.models.lora.factors import Expert, Lora, target_layers
from tests.benchmarks.measure import Settings
from tests.tiny_models import clip_tokenizer

SKILLS = ("everyday", "counting", "places", "styles", "unusual")
TOKENS = 77
SCRATCH = "SELMA_BENCHMARK_SCRATCH"
TEXT = "two red balls and a blue star at night"


@cache
def folder_of(size: str) -> Path:
    """A pipeline folder: the shipped base, or one of random weights written once a run."""
    if size == "storybook":
        return Path(__file__).parents[2] / "assets" / "storybook" / "base"
    folder = Path(os.environ.get(SCRATCH) or _scratch().name) / size
    if not folder.exists():
        (_sd15 if size == "sd15" else _sdxl)(folder)
    return folder


@cache
def _scratch() -> TemporaryDirectory:
    """Gone when the benchmarks end; the processes they start find it by the environment."""
    scratch = TemporaryDirectory(prefix="benchmark-")
    os.environ[SCRATCH] = scratch.name
    return scratch


def painter(settings: Settings) -> Painter:
    """A fresh painter, with nothing installed on it."""
    return diffusion.load(str(folder_of(settings.size)), device=settings.device, weights_dtype=settings.dtype)


def unet_keywords(text: Conditions) -> dict[str, Any]:
    """What a bare UNet's forward takes of conditions."""
    added = {"text_embeds": text["pooled"], "time_ids": text["time_ids"]} if "pooled" in text else None
    return {"encoder_hidden_states": text["embeddings"], "added_cond_kwargs": added}


def experts(unet: torch.nn.Module, count: int, rank: int = 16) -> dict[str, Expert]:
    """Random experts on attention: strong enough to be seen, weak enough to leave the pictures alive."""
    generator = torch.Generator().manual_seed(5)
    layers, made = target_layers(unet, Lora().targets), {}
    for number in range(count):
        fresh = Lora(rank, rank).expert(layers, f"e{number}", 0)
        made[f"e{number}"] = {path: f._replace(b=0.1 * torch.randn(f.b.shape, generator=generator))
                              for path, f in fresh.items()}
    return made


def load_as_adapter(painter: Painter, name: str, expert: Expert) -> None:
    """An expert as diffusers and peft load it from a file."""
    state = {f"unet.{path}.{key}": tensor for path, factors in expert.items()
             for key, tensor in factors.tensors().items()}
    painter.pipe.load_lora_weights(state, adapter_name=name)
    for parameter in painter.pipe.unet.parameters():
        parameter.data = parameter.data.to(painter.pipe.unet.dtype)  # adapters come in float32, whatever the base is


def weights(count: int, turn: int) -> dict[str, float]:
    """Slider positions that differ from turn to turn."""
    return {f"e{number}": ((number + turn) % 7 + 1) / 10 for number in range(count)}


def _sd15(folder: Path) -> None:
    """Stable Diffusion 1.5's sizes: 860 M parameters, 512 pixels."""
    torch.manual_seed(0)
    unet = sd15_unet()
    text = CLIPTextModel(CLIPTextConfig(vocab_size=len(clip_tokenizer()), hidden_size=768, intermediate_size=3072,
                                        num_hidden_layers=12, num_attention_heads=12, max_position_embeddings=TOKENS))
    StableDiffusionPipeline(
        vae=_vae(), text_encoder=text, tokenizer=clip_tokenizer(TOKENS), unet=unet, scheduler=_scheduler(),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False).save_pretrained(folder)


def _sdxl(folder: Path) -> None:
    """SDXL's sizes: 2.6 G parameters, 1024 pixels."""
    torch.manual_seed(0)
    unet = sdxl_unet()
    common = {"vocab_size": len(clip_tokenizer()), "max_position_embeddings": TOKENS}
    first = CLIPTextConfig(hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12,
                           **common)
    second = CLIPTextConfig(hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, num_attention_heads=20,
                            projection_dim=1280, **common)
    StableDiffusionXLPipeline(
        vae=_vae(), unet=unet, scheduler=_scheduler(), text_encoder=CLIPTextModel(first),
        tokenizer=clip_tokenizer(TOKENS), text_encoder_2=CLIPTextModelWithProjection(second),
        tokenizer_2=clip_tokenizer(TOKENS)).save_pretrained(folder)


def sd15_unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8)


def sdxl_unet() -> UNet2DConditionModel:
    return UNet2DConditionModel(
        sample_size=128, cross_attention_dim=2048, block_out_channels=(320, 640, 1280), use_linear_projection=True,
        attention_head_dim=(5, 10, 20), transformer_layers_per_block=(1, 2, 10), addition_embed_type="text_time",
        addition_time_embed_dim=256, projection_class_embeddings_input_dim=2816,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"))


def _vae() -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4, sample_size=512,
        scaling_factor=0.18215, down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4)


def _scheduler() -> DPMSolverMultistepScheduler:
    return DPMSolverMultistepScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012)
