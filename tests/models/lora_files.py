"""Pipelines that read LoRA files, and files as other programs have them."""
import torch
from diffusers import DiffusionPipeline
from safetensors.torch import load_file

from engine.models.lora import foreign_files


def loaded(base):
    pipe = DiffusionPipeline.from_pretrained(base)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def paint(pipe):
    """Latents of two pictures under guidance; comparing before decoding is the stricter test."""
    generator = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
    return pipe(["two red balls", "a tree"], num_inference_steps=3, guidance_scale=3.0, generator=generator,
                output_type="latent").images


def write_kohya(file, expert, recipe=None):
    foreign_files.write(file, "kohya", expert, recipe or {})


def read_elsewhere(file, unet):
    """Another program's way to read it: W + alpha / dim * up @ down, by module name."""
    tensors, found = load_file(file), {}
    names = {f"lora_unet_{path.replace('.', '_')}": path for path, _ in unet.named_modules()}
    names |= {"lora_unet_label_emb_0_0": "add_embedding.linear_1"}
    for key in tensors:
        if key.endswith(".lora_down.weight"):
            name = key.removesuffix(".lora_down.weight")
            down, up = tensors[key].double(), tensors[f"{name}.lora_up.weight"].double()
            scale = tensors[f"{name}.alpha"].item() / down.shape[0]
            found[names[name]] = scale * (up.flatten(1) @ down.flatten(1)).view(up.shape[0], *down.shape[1:])
    return found
