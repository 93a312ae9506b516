#!/usr/bin/env bash
# safetensors: a file may begin with the bytes of a pickle or of a zip archive, and is neither.
#
# Guess:    pickled weights (`\x80\x02` to `\x80\x05`, or a zip's `PK`) can be told from safetensors by the first
#           two bytes, so that a loader may refuse them before it opens anything.
# Seen:     a safetensors file begins with the length of its header, little endian. Lengths of 640, 896, 1152, 1408
#           and 19280, and these plus any multiple of 65536, give just those two bytes; `save_file` itself writes
#           such files, and both `safe_open` and `load_file` read them. `file(1)` may call them something else.
# Remedy:   open as safetensors first; look for a pickle only where that fails.
# Versions: safetensors 0.8.0, torch 2.13.0.
# Exit:     0 when it behaves as said, 1 when it does not any more.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 safetensors==0.8.0
cd "$work"
"$work/venv/bin/python" - <<'PYTHON'
import sys

import torch
from safetensors.torch import load_file, save_file

LENGTHS = {640: b"\x80\x02", 896: b"\x80\x03", 1152: b"\x80\x04", 1408: b"\x80\x05", 19280: b"PK"}
right = True
for length, first in LENGTHS.items():
    for letters in range(length):  # a caption of so many letters in the header
        save_file({"latents": torch.ones(1, 4)}, "a.safetensors", {"caption": "x" * letters})
        with open("a.safetensors", "rb") as file:
            begin = file.read(8)
        if int.from_bytes(begin, "little") == length:
            break
    whole = torch.equal(load_file("a.safetensors")["latents"], torch.ones(1, 4))
    print(f"header of {length:5} bytes, caption of {letters:5} letters: begins with {begin[:2]!r}, "
          f"{'read' if whole else 'not read'}")
    right = right and begin[:2] == first and whole
print("As said." if right else "It behaves differently now.")
sys.exit(0 if right else 1)
PYTHON
