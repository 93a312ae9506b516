"""LoRAs for A1111, Forge and ComfyUI, in kohya's naming, both ways.

A layer's tensors are `lora_unet_<path with underscores>.lora_down.weight` (rank, in),
`.lora_up.weight` (out, rank) and a scalar `.alpha`; the delta is alpha / rank * up @ down. The path
is diffusers' or, in SDXL files, the original one of the Stable Diffusion repositories
(`input_blocks_4_1_...`). SDXL's `add_embedding` is written by its original name, `label_emb_0_0`:
the other is known to ComfyUI alone, and diffusers leaves it out without a word.
"""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from engine.core.errors import EngineError
from engine.models.lora import modelspec, prefixes
from engine.models.lora.alphas import parse_alpha_tensor
from engine.models.lora.factors import Expert, Factors
from engine.models.lora.header_scales import Scales, read_scales
from engine.models.lora.layouts import Contents, RawFile, Reading, diffusers
from engine.models.lora.original_names import EMBEDDED, paths_by_name, underscored
from engine.models.lora.tensor_checks import fit_together

LABEL = "A1111, Forge, ComfyUI, kohya"
KEYS = "lora_unet_<module_path>.lora_down.weight, lora_up.weight and alpha"
KEY = re.compile(
    rf"({prefixes.pattern('kohya')})"
    r"(?P<name>.+?)\.(?P<part>lora_down\.weight|lora_up\.weight|alpha)"
)
DOWN, UP, ALPHA = "lora_down.weight", "lora_up.weight", "alpha"


def recognises(keys: Collection[str]) -> bool:
    return any(key.startswith(prefixes.of_denoisers("kohya")) for key in keys)


def read(file: RawFile, model: nn.Module) -> Reading:
    """Scaled as each layer says, and where it does not, as the header does."""
    layers = _layers(file, model)
    needs_header = any(ALPHA not in parts for parts in layers.values())
    scales = read_scales(file.header if needs_header else {}, file.path)
    diffusers.check_plain(scales.fields, file.path)
    expert = {}
    alphas = []
    for path, parts in layers.items():
        expert[path] = _factors(path, parts, file, scales)
        if ALPHA in parts:
            alphas.append(float(parts[ALPHA]))
    return Reading(expert, alphas=tuple(alphas), alphas_place="its layers")


def write(expert: Expert, recipe: Mapping[str, Any]) -> Contents:
    """The factors in half precision, with the header that kohya's tools, Forge and the Hub read.

    All layers have one alpha: diffusers' reader (0.42) knows the attention layers' own by names
    that match none, so that the commonest alpha rules.
    """
    prefix = prefixes.of_base("kohya", recipe)
    alpha = common_alpha(expert)
    tensors = {}
    for path, factors in expert.items():
        name = prefix + EMBEDDED.get(path, underscored(path))
        sides = balance(factors, alpha).tensors()
        tensors[f"{name}.{DOWN}"] = sides["lora_A.weight"].half()
        tensors[f"{name}.{UP}"] = sides["lora_B.weight"].half()
        tensors[f"{name}.{ALPHA}"] = torch.tensor(alpha, dtype=torch.float32)
    for key, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise EngineError(
                f"{key} does not fit into half precision. Train again with a lower "
                "learning rate, or merge with lower weights."
            )
    return Contents(tensors, modelspec.header(expert, alpha, recipe))


def common_alpha(expert: Expert) -> float:
    """The alpha that most layers have."""
    alphas: Counter[float] = Counter()
    for factors in expert.values():
        if factors.scale:
            alphas[round(abs(factors.scale) * factors.rank, 9)] += 1
    if not alphas:
        return 1.0
    return alphas.most_common(1)[0][0]


def balance(factors: Factors, alpha: float) -> Factors:
    """The same delta with scale alpha / rank; both sides of each rank about as large.

    Half precision keeps 6e-8 to 65504: what one side could not hold goes to the other. It goes in
    powers of two, which round nothing.
    """
    fold = factors.scale * factors.rank / alpha
    a = factors.a.double()
    b = factors.b.double() * fold
    # the largest entry per rank: of a row of A, and of a column of B
    largest_a = a.flatten(1).abs().amax(1)
    largest_b = b.abs().amax(0)
    shift = torch.exp2((torch.log2(largest_b / largest_a) / 2).round())
    is_used = (largest_a > 0) & (largest_b > 0)
    shift = shift.where(is_used, torch.ones(()))
    window = [1] * (a.dim() - 1)
    a = a * shift.view(-1, *window)
    b = b / shift
    return Factors(a.float(), b.float(), alpha / factors.rank)


def _layers(file: RawFile, model: nn.Module) -> dict[str, dict[str, Tensor]]:
    """Tensors by module path and part.

    Raises EngineError for a layer that `model` does not have.
    """
    paths = paths_by_name(model)
    layers: dict[str, dict[str, Tensor]] = {}
    for key, tensor in file.tensors.items():
        match = KEY.fullmatch(key)
        if match is None:
            raise EngineError(
                f"{file.path} holds {key}, which is no part of a plain LoRA. Export it as one."
            )
        path = paths.get(match["name"])
        if path is None:
            raise EngineError(
                f"The base has no layer for {key}: the LoRA was made for another model. "
                "Choose the base that it was trained on."
            )
        parts = layers.setdefault(path, {})
        parts[match["part"]] = tensor
    return layers


def _factors(path: str, parts: Mapping[str, Tensor], file: RawFile, scales: Scales) -> Factors:
    down, up = parts.get(DOWN), parts.get(UP)
    if down is None or up is None or not fit_together(down, up):
        raise EngineError(
            f"{file.path}: lora_down and lora_up of {path} do not fit together. Make it again."
        )
    rank = len(down)
    alpha = parts.get(ALPHA)
    if alpha is None:
        return Factors(down, up.flatten(1), scales.scale(path, rank))
    number = parse_alpha_tensor(alpha, f"{file.path}: alpha of {path}")
    return Factors(down, up.flatten(1), number / rank)
