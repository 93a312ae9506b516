#!/usr/bin/env bash
# diffusers 0.42.1: alphas of attention layers in a kohya file are lost; the commonest alpha of the file rules them.
#
# Guess:    a file with `lora_unet_<layer>.alpha` gives each layer its own alpha / rank * up @ down, as sd-scripts,
#           A1111 and ComfyUI do.
# Seen:     load_lora_weights keeps the alphas of attention layers under the old processor's names
#           (`...attn1.processor.to_q_lora.down.weight`), which match no layer, so that LoraConfig.alpha_pattern
#           never applies to them. Layers of rank 12 and alpha 12 play at 4/12 where most layers have alpha 4:
#           a third of their strength, without a warning. Layers outside attention get their own alpha.
# Remedy:   one alpha in the whole file, the rest folded into the factors.
# Versions: diffusers 0.42.1, peft 0.21.2, transformers 5.24.0, torch 2.13.0, safetensors 0.8.0 (CPU, no downloads of weights).
# Exit:     0 when it behaves as said, 1 when it does not any more.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 diffusers==0.42.1 peft==0.21.2 transformers==5.24.0 \
    accelerate==1.15.0 safetensors==0.8.0
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import sys
import warnings

import torch
from diffusers import UNet2DConditionModel
from diffusers.loaders import StableDiffusionLoraLoaderMixin
from peft.tuners.lora import LoraLayer
from safetensors.torch import save_file

warnings.simplefilter("ignore")
torch.manual_seed(0)
unet = UNet2DConditionModel(
    sample_size=8, in_channels=4, out_channels=4, layers_per_block=1, block_out_channels=(16, 32), norm_num_groups=8,
    cross_attention_dim=16, attention_head_dim=8, down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
    up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"))

BLOCK = "down_blocks.0.attentions.0.transformer_blocks.0"
RANKS = {f"{BLOCK}.attn1.to_q": 4, f"{BLOCK}.attn1.to_k": 4, f"{BLOCK}.attn2.to_q": 4, f"{BLOCK}.ff.net.2": 4,
         f"{BLOCK}.attn1.to_v": 12, "down_blocks.0.resnets.0.time_emb_proj": 12}
"""Rank and alpha of each layer: alpha is the rank, so that every delta is up @ down."""

tensors, wanted = {}, {}
for path, rank in RANKS.items():
    layer = unet.get_submodule(path)
    down, up = torch.randn(rank, layer.in_features), torch.randn(layer.out_features, rank)
    name = f"lora_unet_{path.replace('.', '_')}"
    tensors |= {f"{name}.lora_down.weight": down, f"{name}.lora_up.weight": up,
                f"{name}.alpha": torch.tensor(float(rank))}
    wanted[path] = up @ down
save_file(tensors, "kohya.safetensors")

state, alphas = StableDiffusionLoraLoaderMixin.lora_state_dict("kohya.safetensors", unet_config=unet.config)
StableDiffusionLoraLoaderMixin.load_lora_into_unet(state, alphas, unet, adapter_name="a")
strength = {}
with torch.no_grad():
    for path, layer in unet.named_modules():
        if isinstance(layer, LoraLayer):
            delta = layer.get_delta_weight("a")
            strength[path] = float((delta * wanted[path]).sum() / wanted[path].square().sum())
            print(f"{path:70} rank {RANKS[path]:3} alpha {RANKS[path]:3}: plays at {strength[path]:.3f}")
print("alpha_pattern:", unet.peft_config["a"].alpha_pattern)

third = abs(strength[f"{BLOCK}.attn1.to_v"] - 1 / 3) < 1e-3
others = all(abs(value - 1) < 1e-3 for path, value in strength.items() if path != f"{BLOCK}.attn1.to_v")
print("As said." if third and others else "It behaves differently now.")
sys.exit(0 if third and others else 1)
PYTHON
