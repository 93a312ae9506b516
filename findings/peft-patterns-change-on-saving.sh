#!/usr/bin/env bash
# peft 0.21.2: of two keys of alpha_pattern that fit a layer the first counts, and saving puts the keys in order of the
# alphabet: a LoRA that is saved and loaded again has other alphas, and says nothing.
#
# Guess:    the more exact key wins, whatever the order; at the least a saved adapter is the adapter that was trained.
# Seen:     with {"to_q": 8, "mid.to_q": 16} the layer mid.to_q trains with alpha 8. adapter_config.json holds
#           {"mid.to_q": 16, "to_q": 8}, so that after loading the same layer has 16: the output differs, no warning.
#           The same two keys in rank_pattern are at least refused at loading, with a mismatch of shapes.
# Remedy:   write the exact key first and name keys so that the alphabet keeps it first, or give every layer's whole name.
# Versions: peft 0.21.2, torch 2.13.0 (CPU, no weights), transformers 5.24.0, accelerate 1.15.0.
# Exit:     0 when it behaves as said, 1 when it does not any more.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 peft==0.21.2 transformers==5.24.0 accelerate==1.15.0
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import json
import sys
import warnings
from pathlib import Path

import torch
from peft import LoraConfig, PeftModel, get_peft_model

PATTERN = {"to_q": 8, "mid.to_q": 16}


class Network(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.down = torch.nn.ModuleDict({"to_q": torch.nn.Linear(4, 4)})
        self.mid = torch.nn.ModuleDict({"to_q": torch.nn.Linear(4, 4)})

    def forward(self, inputs):
        return self.mid["to_q"](self.down["to_q"](inputs))


def with_lora(**patterns):
    config = LoraConfig(r=2, lora_alpha=2, target_modules=["to_q"], init_lora_weights=False, **patterns)
    return get_peft_model(Network(), config).eval()


def alphas(model):
    return {part: getattr(model.base_model.model, part)["to_q"].lora_alpha["default"] for part in ("down", "mid")}


warnings.simplefilter("error")
trained = with_lora(alpha_pattern=dict(PATTERN))
trained.save_pretrained("alphas")
loaded = PeftModel.from_pretrained(Network(), "alphas").eval()
pattern = json.loads(Path("alphas/adapter_config.json").read_text())["alpha_pattern"]
inputs = torch.ones(1, 4)
with torch.no_grad():
    difference = float((trained(inputs) - loaded(inputs)).abs().max())
print("trained:", alphas(trained), " saved:", pattern, " loaded:", alphas(loaded))
print("outputs differ by", round(difference, 3))

with_lora(rank_pattern=dict(PATTERN)).save_pretrained("ranks")
try:
    PeftModel.from_pretrained(Network(), "ranks")
    refused = False
except RuntimeError as error:
    refused = "size mismatch" in str(error)
print("the same keys as ranks are refused:", refused)
as_said = (alphas(trained)["mid"], alphas(loaded)["mid"]) == (8, 16) and difference > 0.1 and refused
sys.exit(0 if as_said else 1)
PYTHON
