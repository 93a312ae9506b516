"""Turn training folders into the folders that ship: plain `diffusers` and `transformers` formats,
safetensors, fp16.
"""

from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from diffusers import AutoencoderKL, DPMSolverMultistepScheduler, StableDiffusionPipeline
from safetensors.torch import load_file
from torch import nn
from transformers import CLIPTokenizer, PreTrainedTokenizerFast

from engine.core.errors import EngineError
from engine.core.store import read_json, write_json, write_text
from engine.storybook import MODELS
from engine.storybook.scenes import paint
from engine.storybook.train import base, compatibility, data, vae, writer
from engine.storybook.train.cards import CARD, write_card
from engine.storybook.train.loop import FIRST_PASS

SHARD = "8MB"


Model = TypeVar("Model", bound=nn.Module)


def averaged(model: Model, folder: Path) -> Model:
    """The model with the averaged weights of a training folder."""
    path = folder / "ema.safetensors"
    if not path.exists():
        raise EngineError(f"{path} is missing. Train first: python -m engine.storybook train.")
    model.load_state_dict(load_file(path), strict=False)
    return model.eval()


def package_vae(folder: Path, target: Path) -> AutoencoderKL:
    """Save the codec with the scaling factor that gives its latents unit variance."""
    model = vae.architecture()
    averaged(model, folder)
    rng = np.random.default_rng(5)
    pixels = vae.to_tensor(np.stack([paint(vae.random_scene(rng)) for _ in range(256)]))
    with torch.no_grad():
        spread = model.encode(pixels).latent_dist.mean.std()
    model.register_to_config(scaling_factor=round(float(1 / spread), 5))
    model.half().save_pretrained(target)
    return model.float()


def package_base(folder: Path, data_folder: Path, vae_folder: Path, target: Path) -> None:
    """Save UNet, text encoder, codec, tokenizer and scheduler as one StableDiffusionPipeline
    folder.

    Raises EngineError when the base has learned another codec's latents.
    """
    codec = AutoencoderKL.from_pretrained(vae_folder)
    data.check_codec(data_folder, codec)
    tokenizer = CLIPTokenizer.from_pretrained(data_folder / "tokenizer")
    model = base.Painter(tokenizer)
    averaged(model, folder)
    scheduler = DPMSolverMultistepScheduler.from_config(base.schedule().config)
    pipe = StableDiffusionPipeline(
        vae=codec.half(),
        text_encoder=model.text.half(),
        tokenizer=tokenizer,
        unet=model.unet.half(),
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipe.save_pretrained(target, max_shard_size=SHARD)
    load_in_single_precision(target / "text_encoder")
    compatibility.text_encoder(target / "text_encoder")
    compatibility.clip_tokenizer(target / "tokenizer")
    forget_where_it_was(target / "vae")
    write_text(target / "vae" / CARD, (vae_folder / CARD).read_text(encoding="utf-8"))


def load_in_single_precision(folder: Path) -> None:
    """transformers loads a checkpoint as it is stored, diffusers in float32; say float32, so that
    they agree.
    """
    config = read_json(folder / "config.json")
    write_json(folder / "config.json", config | {"dtype": "float32"})


def forget_where_it_was(folder: Path) -> None:
    """diffusers notes the folder that a model was loaded from, which means nothing elsewhere."""
    config = read_json(folder / "config.json")
    write_json(
        folder / "config.json",
        {name: value for name, value in config.items() if name != "_name_or_path"},
    )


def package(model: str, work: Path, assets: Path = MODELS) -> Path:
    """Write one trained model where the engine looks for it. Raises EngineError when it was not
    trained.
    """
    target, folder = assets / model, work / model
    if model == "vae":
        target = work / "codec"
        package_vae(folder, target)
    elif model == "writer":
        package_writer(folder, target)
    else:
        folder = work / "base" / FIRST_PASS if model == "weak" else folder
        package_base(folder, work / "data", codec(work), target)
    write_card(model, folder, target, assets / "check.json")
    return target


def codec(work: Path, assets: Path = MODELS) -> Path:
    """The codec just trained, or else the one that ships inside the base."""
    for folder in (work / "codec", assets / "base" / "vae"):
        if folder.exists():
            return folder
    raise EngineError(
        "The codec comes first: python -m engine.storybook train vae, then package vae."
    )


def package_writer(folder: Path, target: Path) -> None:
    tokenizer = PreTrainedTokenizerFast.from_pretrained(folder / "tokenizer")
    model = averaged(writer.architecture(len(tokenizer)), folder)
    model.half().save_pretrained(target, max_shard_size=SHARD)
    load_in_single_precision(target)
    tokenizer.save_pretrained(target)
    compatibility.plain_tokenizer(target)
