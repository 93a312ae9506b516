"""LoRA files for A1111, Forge and ComfyUI, in kohya's naming, both ways.

A layer's tensors are `lora_unet_<path with underscores>.lora_down.weight` (rank, in),
`.lora_up.weight` (out, rank) and a scalar `.alpha`; the delta is alpha / rank * up @ down. The path
is diffusers' or, in SDXL files, the original one of the Stable Diffusion repositories
(`input_blocks_4_1_...`). SDXL's `add_embedding` is written by its original name, `label_emb_0_0`:
the other is known to ComfyUI alone, and diffusers leaves it out without a word.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from engine.core.errors import EngineError
from engine.models import tensor_files
from engine.models.lora import prefixes
from engine.models.lora.alphas import of_tensor
from engine.models.lora.factors import Expert, Factors
from engine.models.lora.header_scales import Scales
from engine.models.lora.layouts.diffusers import multiply

KEY = re.compile(r"lora_unet_(?P<name>.+?)\.(?P<part>lora_down\.weight|lora_up\.weight|alpha)")
FAMILIES = {
    768: ("sd_v1", "stable-diffusion-v1"),
    1024: ("sd_v2", "stable-diffusion-v2-512"),
    2048: ("sdxl_base_v1-0", "stable-diffusion-xl-v1-base"),
}
"""By the width of the text that cross-attention reads: kohya's name and Stability's."""
VELOCITY = {"sd_v2": ("sd_v2_v", "stable-diffusion-v2-768-v")}
"""The same of the bases of a family that predict velocity, where there are such."""
PREDICTIONS = {"epsilon": "epsilon", "v_prediction": "v"}
PREFIXES = {
    "sd_v1": ("sd_v1", "stable-diffusion-v1"),
    "sd_v2": ("sd_v2", "stable-diffusion-v2"),
    "sdxl_base_v1-0": ("sdxl_", "stable-diffusion-xl"),
}
"""What both names begin with in every version of a family."""
RESNET = {
    "conv1": "in_layers_2",
    "conv2": "out_layers_3",
    "time_emb_proj": "emb_layers_1",
    "conv_shortcut": "skip_connection",
}
ENDS = {
    "conv_in": "input_blocks_0_0",
    "conv_out": "out_2",
    "time_embedding.linear_1": "time_embed_0",
    "time_embedding.linear_2": "time_embed_2",
    "mid_block.attentions.0": "middle_block_1",
    "mid_block.resnets.0": "middle_block_0",
    "mid_block.resnets.1": "middle_block_2",
}
EMBEDDED = {"add_embedding.linear_1": "label_emb_0_0", "add_embedding.linear_2": "label_emb_0_2"}


def write(file: Path, expert: Expert, recipe: Mapping[str, Any]) -> None:
    """Write an expert, its factors in half precision, with the header that kohya's tools read.

    Forge and the Hub read it too. All layers have one alpha: diffusers' reader (0.42) knows the
    attention layers' own by names that match none, so that the commonest alpha rules.
    """
    prefixes.of_base("kohya", recipe)
    tensors, alpha = {}, common_alpha(expert)
    for path, factors in expert.items():
        name, shaped = _underscored(path), balanced(factors, alpha).tensors()
        tensors[f"{name}.lora_down.weight"] = shaped["lora_A.weight"].half()
        tensors[f"{name}.lora_up.weight"] = shaped["lora_B.weight"].half()
        tensors[f"{name}.alpha"] = torch.tensor(alpha, dtype=torch.float32)
    odd = (name for name, tensor in tensors.items() if not torch.isfinite(tensor).all())
    if broken := next(odd, None):
        raise EngineError(
            f"{broken} does not fit into half precision. Train again with a lower "
            "learning rate, or merge with lower weights."
        )
    tensor_files.write(file, tensors, header(expert, recipe))


def common_alpha(expert: Expert) -> float:
    """The alpha that most layers have."""
    alphas = [round(abs(f.scale) * f.rank, 9) for f in expert.values() if f.scale]
    return Counter(alphas).most_common(1)[0][0] if alphas else 1.0


def balanced(factors: Factors, alpha: float) -> Factors:
    """The same delta with scale alpha / rank; both sides of each rank about as large.

    Half precision keeps 6e-8 to 65504: what one side could not hold goes to the other. It goes in
    powers of two, which round nothing.
    """
    fold = factors.scale * factors.rank / alpha
    a, b = factors.a.double(), factors.b.double() * fold
    of_a, of_b = a.flatten(1).abs().amax(1), b.abs().amax(0)
    shift = torch.exp2((torch.log2(of_b / of_a) / 2).round())
    shift = shift.where((of_a > 0) & (of_b > 0), torch.ones(()))
    a = a * shift.view(-1, *[1] * (a.dim() - 1))
    return Factors(a.float(), (b / shift).float(), alpha / factors.rank)


def header(expert: Expert, recipe: Mapping[str, Any]) -> dict[str, str]:
    """kohya's `ss_*` and Stability's `modelspec.*`, as far as they are known; all strings."""
    ranks = [factors.rank for factors in expert.values()]
    version, architecture = FAMILIES.get(_text_width(expert), ("unknown", "unknown"))
    base, experts = recipe.get("base") or {}, recipe.get("experts")
    if base.get("prediction") == "v_prediction":
        version, architecture = VELOCITY.get(version, (version, architecture))
    known = {
        "ss_output_name": recipe.get("name"),
        "ss_network_module": "networks.lora",
        "ss_network_dim": max(ranks),
        "ss_network_alpha": common_alpha(expert),
        "ss_base_model_version": version,
        "ss_v2": version.startswith("sd_v2"),
        "ss_sd_model_name": base.get("model"),
        "ss_sd_model_hash": base.get("sha256"),
        "ss_steps": recipe.get("step"),
        "ss_learning_rate": recipe.get("learning_rate"),
        "ss_seed": recipe.get("seed"),
        "ss_num_train_images": recipe.get("pictures"),
        "ss_batch_size_per_device": recipe.get("batch_size"),
        "ss_optimizer": "torch.optim.AdamW" if "learning_rate" in recipe else None,
        "ss_training_comment": json.dumps(recipe, ensure_ascii=False, sort_keys=True),
        "modelspec.sai_model_spec": "1.0.1",
        "modelspec.architecture": f"{architecture}/lora",
        "modelspec.prediction_type": PREDICTIONS.get(base.get("prediction", "")),
        "modelspec.implementation": "diffusers",
        "modelspec.title": recipe.get("name"),
        "modelspec.date": datetime.now(UTC).isoformat(timespec="seconds"),
        "modelspec.merged_from": ", ".join(experts) if experts else None,
    }
    return {"format": "pt"} | {
        name: str(value) for name, value in known.items() if value is not None
    }


def family(header: Mapping[str, str]) -> str:
    """The base's family that a file's header names, as kohya calls it; "" where it names none that
    is known.
    """
    version, architecture = (
        header.get("ss_base_model_version", ""),
        header.get("modelspec.architecture", ""),
    )
    return next(
        (
            name
            for name, (one, other) in PREFIXES.items()
            if version.startswith(one) or architecture.startswith(other)
        ),
        "",
    )


def read(tensors: Mapping[str, Tensor], model: nn.Module, what: str, scales: Scales) -> Expert:
    """Factors of all `lora_unet_` tensors; where a layer has no alpha of its own, `scales` counts.

    Raises EngineError for a layer that `model` does not have.
    """
    paths = paths_by_name(model)
    parts: dict[str, dict[str, Tensor]] = {}
    for key, tensor in tensors.items():
        match = KEY.fullmatch(key)
        if match is None:
            raise EngineError(
                f"{what} holds {key}, which is no part of a plain LoRA. Export it as one."
            )
        if match["name"] not in paths:
            raise EngineError(
                f"The base has no layer for {key}: the LoRA was made for another model. "
                "Choose the base that it was trained on."
            )
        parts.setdefault(paths[match["name"]], {})[match["part"]] = tensor
    return {path: _factors(path, of_layer, what, scales) for path, of_layer in parts.items()}


def paths_by_name(model: nn.Module) -> dict[str, str]:
    """Module path by kohya's name, diffusers' and the original one."""
    paths = [path for path, _ in model.named_modules() if path]
    original = {name: path for path in paths if (name := original_name(path, paths, model))}
    return original | {path.replace(".", "_"): path for path in paths}


def original_name(path: str, paths: Iterable[str], model: nn.Module) -> str:
    """`input_blocks_4_1_proj_in` of `down_blocks.1.attentions.0.proj_in`; "" where there is none."""
    for start, name in (ENDS | EMBEDDED).items():
        if path == start or path.startswith(f"{start}."):
            return _inner(name, path[len(start) + 1 :])
    match = re.fullmatch(
        r"(down|up)_blocks\.(\d+)\.(resnets|attentions|downsamplers|upsamplers)\.(\d+)\.(.+)", path
    )
    layers = getattr(model, "config", {}).get("layers_per_block")
    if match is None or not isinstance(layers, int):
        return ""
    side, block, kind, number, rest = match[1], int(match[2]), match[3], int(match[4]), match[5]
    if kind == "downsamplers":
        return f"input_blocks_{(block + 1) * (layers + 1)}_0_op"
    first = block * (layers + 1) + (1 if side == "down" else 0)
    where = "input_blocks" if side == "down" else "output_blocks"
    if kind == "upsamplers":
        attends = any(other.startswith(f"up_blocks.{block}.attentions.") for other in paths)
        return f"{where}_{first + layers}_{2 if attends else 1}_conv"
    return _inner(f"{where}_{first + number}_{0 if kind == 'resnets' else 1}", rest)


def _inner(name: str, rest: str) -> str:
    if not rest:
        return name
    return f"{name}_{RESNET.get(rest, rest.replace('.', '_'))}"


def _factors(path: str, parts: Mapping[str, Tensor], what: str, scales: Scales) -> Factors:
    down, up = parts.get("lora_down.weight"), parts.get("lora_up.weight")
    if down is None or up is None or not multiply(down, up):
        raise EngineError(
            f"{what}: lora_down and lora_up of {path} do not fit together. Make it again."
        )
    rank, own = len(down), parts.get("alpha")
    if own is None:
        return Factors(down, up.flatten(1), scales.of(path, rank))
    return Factors(down, up.flatten(1), of_tensor(own, f"{what}: alpha of {path}") / rank)


def _underscored(path: str) -> str:
    return f"lora_unet_{EMBEDDED.get(path, path.replace('.', '_'))}"


def _text_width(expert: Expert) -> int:
    """What cross-attention's keys read; 0 where no expert touches them."""
    return next(
        (f.a.shape[1] for path, f in expert.items() if path.endswith(("attn2.to_k", "attn2.to_v"))),
        0,
    )
