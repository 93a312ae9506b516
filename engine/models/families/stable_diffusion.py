"""Stable Diffusion [1 and 2](https://arxiv.org/abs/2112.10752) and
[XL](https://arxiv.org/abs/2307.01952): a UNet that predicts noise or velocity.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engine.models import samplers as sampler_kinds

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from engine.models.conditions import Conditions
    from engine.models.noise_paths import NoisePath
    from engine.models.samplers import Sampler

TITLE = "Stable Diffusion 1, 2 or XL"
PIPELINES = ("StableDiffusionPipeline", "StableDiffusionXLPipeline")
MODULE = "unet"
LORA_PREFIXES = {"diffusers": "unet.", "kohya": "lora_unet_"}

ATTENTION = ("to_q", "to_k", "to_v", "to_out.0")
COMMON_TARGETS = (*ATTENTION, "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2", "conv1", "conv2")
BLOCKS = ("down_blocks.#", "mid_block", "up_blocks.#")
INSIDE_BLOCKS = (
    "attentions.#.proj_in",
    "attentions.#.proj_out",
    *(f"attentions.#.transformer_blocks.#.attn1.{layer}" for layer in ATTENTION),
    *(f"attentions.#.transformer_blocks.#.attn2.{layer}" for layer in ATTENTION),
    "attentions.#.transformer_blocks.#.ff.net.0.proj",
    "attentions.#.transformer_blocks.#.ff.net.2",
    "resnets.#.conv1",
    "resnets.#.conv2",
    "resnets.#.time_emb_proj",
)
TARGET_PATHS = (
    "conv_in",
    "conv_out",
    "time_embedding.linear_1",
    "time_embedding.linear_2",
    "add_embedding.linear_1",
    "add_embedding.linear_2",
    *(f"{block}.{inside}" for block in BLOCKS for inside in INSIDE_BLOCKS),
    "down_blocks.#.resnets.#.conv_shortcut",
    "up_blocks.#.resnets.#.conv_shortcut",
    "down_blocks.#.downsamplers.#.conv",
    "up_blocks.#.upsamplers.#.conv",
)
USUAL_BLOCKS = {
    "DownBlock2D",
    "CrossAttnDownBlock2D",
    "UNetMidBlock2DCrossAttn",
    "UpBlock2D",
    "CrossAttnUpBlock2D",
}
"""What `TARGET_PATHS` is true of."""


def takes(pipe: Any) -> bool:
    """Not a UNet distilled for few steps, which reads the guidance scale; nor one that flows."""
    is_distilled = pipe.unet.config.time_cond_proj_dim is not None
    return not is_distilled and not sampler_kinds.flows(type(pipe.scheduler))


def has_usual_layers(config: Mapping[str, Any]) -> bool:
    return set(config["down_block_types"]) | set(config["up_block_types"]) <= USUAL_BLOCKS


def latent_shape(pipe: Any) -> tuple[int, int, int]:
    side = pipe.unet.config.sample_size
    height, width = (side, side) if isinstance(side, int) else side
    return pipe.unet.config.in_channels, height, width


def read(pipe: Any, texts: Sequence[str], device: "torch.device") -> "Conditions":
    """CLIP's last hidden state (n, tokens, dim); of XL both encoders', pooled, and time ids."""
    from engine.models.conditions import Conditions

    encoded = pipe.encode_prompt(
        list(texts), device=device, num_images_per_prompt=1, do_classifier_free_guidance=False
    )
    if not _is_xl(pipe):
        return Conditions({"embeddings": encoded[0]})
    tokens, _, pooled, _ = encoded
    _, height, width = latent_shape(pipe)
    size = (height * pipe.vae_scale_factor, width * pipe.vae_scale_factor)
    # The picture's size, where it was cut out of a larger one, and the size to be painted.
    ids = tokens.new_tensor([[*size, 0, 0, *size]]).repeat(len(tokens), 1)
    return Conditions({"embeddings": tokens, "pooled": pooled, "time_ids": ids})


def empty(pipe: Any, row: "Conditions") -> "Conditions":
    """XL's is zeros, unless its checkpoint says otherwise."""
    from engine.models.conditions import Conditions

    if not _is_xl(pipe) or not pipe.config.force_zeros_for_empty_prompt:
        return row
    tokens, pooled = row["embeddings"], row["pooled"]
    zeros = {"embeddings": tokens.new_zeros(tokens.shape), "pooled": pooled.new_zeros(pooled.shape)}
    return Conditions({**row.tensors, **zeros})


def stored_names(pipe: Any) -> Mapping[str, str | None]:
    names: dict[str, str | None] = {"embeddings": "empty_embedding"}
    if _is_xl(pipe):
        names |= {"pooled": "empty_pooled", "time_ids": None}
    return names


def noise_path(pipe: Any, device: "torch.device", dtype: "torch.dtype") -> "NoisePath":
    from engine.models.noise_paths import AlphaBar

    return AlphaBar(pipe.scheduler.config, device, dtype)


def predict(network: Any, noisy: "Tensor", times: "Tensor", text: "Conditions") -> "Tensor":
    import torch

    added = None
    if "pooled" in text:
        added = {"text_embeds": text["pooled"], "time_ids": text["time_ids"]}
    return network(
        noisy.to(network.dtype, memory_format=torch.channels_last),
        times,
        encoder_hidden_states=text["embeddings"],
        added_cond_kwargs=added,
        return_dict=False,
    )[0]


def samplers(pipe: Any) -> "Mapping[str, Sampler]":
    return sampler_kinds.OF_DIFFUSION


def step_options(pipe: Any, schedule: Any) -> Mapping[str, Any]:
    return {}


def _is_xl(pipe: Any) -> bool:
    return hasattr(pipe, "text_encoder_2")
