"""Experts whose factors matter, here and in peft."""
import copy
import warnings
from typing import Any

import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import Tensor, nn

from engine.models.lora.factors import ATTENTION
from engine.models.mixture import Mixture

CONVOLUTIONS = ("conv_in", "conv1", "conv2", "conv_shortcut", "downsamplers.0.conv", "upsamplers.0.conv", "proj_in")
EVERYWHERE = (*CONVOLUTIONS, *ATTENTION, "ff.net.0.proj", "linear_1", "time_emb_proj")
"""Targets of every kind that a UNet has."""
ROWS = 4
FP32, FP64 = 2e-6, 1e-12
"""What two right sums of the same numbers may differ by. The bare UNet's own fp32 output lies 8e-7 from its fp64
output: 1e-6 in fp32 would test the order of the additions on this CPU. The same cases in fp64 leave no doubt."""


def difference(ours: Tensor, theirs: Tensor) -> float:
    """The norm of the difference, relative to the norm of what is expected."""
    return float((ours - theirs).detach().norm() / theirs.detach().norm())


def of_type(inputs: dict[str, Any], dtype: torch.dtype) -> dict[str, Any]:
    """Tensors, and dictionaries of them, with the floating ones in `dtype`."""
    return {key: of_type(value, dtype) if isinstance(value, dict) else
            value.to(dtype) if value.is_floating_point() else value for key, value in inputs.items()}


def random_experts(mixture: Mixture, scale: float = 0.1) -> None:
    """B is zero in a fresh expert; give every factor weights that matter."""
    generator = torch.Generator().manual_seed(3)
    for name in mixture.names:
        for parameter in mixture.parameters_of(name):
            parameter.data.copy_(torch.randn(parameter.shape, generator=generator) * scale)


def with_peft(unet: nn.Module, configs: dict[str, LoraConfig]) -> tuple[nn.Module, dict[str, dict[str, Tensor]]]:
    """A copy of the UNet with peft adapters whose B is not zero, and each adapter's weights by key."""
    theirs = copy.deepcopy(unet)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # peft's: several adapters are what this is about
        for name, config in configs.items():
            inject_adapter_in_model(config, theirs, adapter_name=name)
    torch.manual_seed(7)
    states: dict[str, dict[str, Tensor]] = {name: {} for name in configs}
    for key, parameter in theirs.named_parameters():
        if "lora_" in key:
            nn.init.normal_(parameter, std=0.1)
            name = key.split(".")[-2]
            states[name][key.replace(f".{name}.weight", ".weight")] = parameter.detach()
    return theirs, states
