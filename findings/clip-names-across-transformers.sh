#!/usr/bin/env bash
# transformers 5.24.0 and 4.57.6: a CLIP text encoder saved by the newer opens at random weights in the older.
#
# Guess:    CLIPTextModel.save_pretrained keeps the names that every Stable Diffusion checkpoint has
#           (`text_model.encoder...`), or the older library refuses names that it does not know.
# Seen:     version 5 writes `encoder...` and `embeddings...` without the prefix. Version 4 opens that folder without
#           an error: not one of its weights is the saved one; a warning on stderr is all there is.
# Why care: a pipeline that somebody saves today paints noise for whoever has last year's library.
# Remedy:   write the old names; version 5 reads both.
# Versions: transformers 5.24.0 and 4.57.6, torch 2.13.0, safetensors 0.8.0.
# Exit:     0 when it behaves as said, 1 when it does not any more.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for version in 5.24.0 4.57.6; do
  python3 -m venv "$work/$version"
  "$work/$version/bin/pip" install --quiet --disable-pip-version-check \
    torch==2.13.0 "transformers==$version" safetensors==0.8.0
done
export HF_HUB_OFFLINE=1 CLIP="$work/clip"
"$work/5.24.0/bin/python" - <<'PY'
import os

import torch
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

torch.manual_seed(0)
model = CLIPTextModel(CLIPTextConfig(
    vocab_size=99, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4))
model.save_pretrained(os.environ["CLIP"])
plain = {name.removeprefix("text_model."): value.clone() for name, value in model.state_dict().items()}
save_file(plain, os.environ["CLIP"] + "/as_it_was.saved")
PY
"$work/4.57.6/bin/python" - <<'PY'
import os
import sys

import torch
from safetensors.torch import load_file
from transformers import CLIPTextModel

folder = os.environ["CLIP"]
names = list(load_file(f"{folder}/model.safetensors"))
saved = load_file(f"{folder}/as_it_was.saved")
model = CLIPTextModel.from_pretrained(folder)  # no error
opened = {name.removeprefix("text_model."): value for name, value in model.state_dict().items()}
shared = [name for name in saved if name in opened and "position_ids" not in name and "norm" not in name
          and not name.endswith("bias")]  # norms and biases start as constants, and would be equal by chance
equal = sum(torch.equal(saved[name], opened[name]) for name in shared)
print(f"written as {names[0]!r}; {equal} of {len(shared)} weights are the saved ones")
sys.exit(0 if equal == 0 and not any(name.startswith("text_model.") for name in names) else 1)
PY
