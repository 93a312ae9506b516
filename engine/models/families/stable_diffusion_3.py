"""[Stable Diffusion 3](https://arxiv.org/abs/2403.03206) and 3.5: a transformer that reads picture
and text together and predicts the straight way from picture to noise.
"""

from collections.abc import Mapping, Sequence
from math import exp
from typing import TYPE_CHECKING, Any

from engine.models import samplers as sampler_kinds

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from engine.models.conditions import Conditions
    from engine.models.noise_paths import NoisePath
    from engine.models.samplers import Sampler

TITLE = "Stable Diffusion 3"
PIPELINES = ("StableDiffusion3Pipeline",)
MODULE = "transformer"
LORA_PREFIXES = {"diffusers": "transformer."}

OF_PICTURE = ("to_q", "to_k", "to_v", "to_out.0")
OF_TEXT = ("add_q_proj", "add_k_proj", "add_v_proj", "to_add_out")
COMMON_TARGETS = (*OF_PICTURE, *OF_TEXT, "ff.net.0.proj", "ff.net.2", "proj_out")
INSIDE_BLOCKS = (
    *(f"attn.{layer}" for layer in (*OF_PICTURE, *OF_TEXT)),
    *(f"attn2.{layer}" for layer in OF_PICTURE),  # 3.5 medium looks at the picture twice
    "norm1.linear",
    "norm1_context.linear",
    "ff.net.0.proj",
    "ff.net.2",
    "ff_context.net.0.proj",
    "ff_context.net.2",
)
TARGET_PATHS = (
    "pos_embed.proj",
    "time_text_embed.timestep_embedder.linear_1",
    "time_text_embed.timestep_embedder.linear_2",
    "time_text_embed.text_embedder.linear_1",
    "time_text_embed.text_embedder.linear_2",
    "context_embedder",
    *(f"transformer_blocks.#.{inside}" for inside in INSIDE_BLOCKS),
    "norm_out.linear",
    "proj_out",
)


def takes(pipe: Any) -> bool:
    return True


def has_usual_layers(config: Mapping[str, Any]) -> bool:
    return True


def latent_shape(pipe: Any) -> tuple[int, int, int]:
    config = pipe.transformer.config
    return config.in_channels, config.sample_size, config.sample_size


def read(pipe: Any, texts: Sequence[str], device: "torch.device") -> "Conditions":
    """Two CLIPs' tokens beside each other, T5's after them; the CLIPs' pooled embeddings."""
    from engine.models.conditions import Conditions

    tokens, _, pooled, _ = pipe.encode_prompt(
        list(texts), None, None, device=device, do_classifier_free_guidance=False
    )
    return Conditions({"embeddings": tokens, "pooled": pooled})


def empty(pipe: Any, row: "Conditions") -> "Conditions":
    return row


def stored_names(pipe: Any) -> Mapping[str, str | None]:
    return {"embeddings": "empty_embedding", "pooled": "empty_pooled"}


def noise_path(pipe: Any, device: "torch.device", dtype: "torch.dtype") -> "NoisePath":
    from engine.models.noise_paths import StraightLine

    return StraightLine(pipe.scheduler.config, device, dtype)


def predict(network: Any, noisy: "Tensor", times: "Tensor", text: "Conditions") -> "Tensor":
    return network(
        hidden_states=noisy.to(network.dtype),
        timestep=times.expand(len(noisy)),
        encoder_hidden_states=text["embeddings"],
        pooled_projections=text["pooled"],
        return_dict=False,
    )[0]


def samplers(pipe: Any) -> "Mapping[str, Sampler]":
    config = pipe.scheduler.config
    shift = config.get("shift", 1.0)
    if config.get("use_dynamic_shifting"):
        shift = exp(_mu(pipe))  # what the scheduler's exponential shift comes to
    return sampler_kinds.of_flow_matching(shift)


def step_options(pipe: Any, schedule: Any) -> Mapping[str, Any]:
    return {"mu": _mu(pipe)} if schedule.config.get("use_dynamic_shifting") else {}


def _mu(pipe: Any) -> float:
    """The logarithm of the shift, which grows with the number of patches, as the pipeline does."""
    from diffusers.pipelines.stable_diffusion_3.pipeline_stable_diffusion_3 import calculate_shift

    config = pipe.scheduler.config
    _, height, width = latent_shape(pipe)
    patch = pipe.transformer.config.patch_size
    return calculate_shift(
        (height // patch) * (width // patch),
        config.get("base_image_seq_len", 256),
        config.get("max_image_seq_len", 4096),
        config.get("base_shift", 0.5),
        config.get("max_shift", 1.16),
    )
