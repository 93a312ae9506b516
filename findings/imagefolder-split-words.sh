#!/usr/bin/env bash
# datasets 5.2.0: a picture whose name holds the word "test" loses its caption in an imagefolder.
#
# Guess:    metadata.jsonl names the pictures and their columns, and drives what load_dataset("imagefolder") gives.
# What is:  a word like train, val, dev, test or eval between separators in a file or folder name makes splits first, and
#           metadata.jsonl, which has no such word, belongs to none of them: every column but `image` is gone, and so
#           are pictures without such a word. Nothing is raised or warned.
# Why care: evaluation pictures are called after their split, and skills after what they test.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check datasets==5.2.0 pillow==12.3.0
export HF_HUB_OFFLINE=1 HF_DATASETS_CACHE="$work/cache"
"$work/venv/bin/python" - "$work" <<'PY'
import json
import sys
from pathlib import Path

from datasets import load_dataset
from PIL import Image


def folder(name, files):
    made = Path(sys.argv[1]) / name
    made.mkdir()
    for file in files:
        Image.new("RGB", (8, 8)).save(made / file)
    rows = [{"file_name": file, "text": f"what {file} shows"} for file in files]
    (made / "metadata.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {split: (part.column_names, len(part))
            for split, part in load_dataset("imagefolder", data_dir=str(made)).items()}


plain = folder("plain", ["counting-0.png", "counting-1.png", "places-0.png"])
named = folder("named", ["test-counting-0.png", "test-counting-1.png", "places-0.png"])
print("without the word:", plain)
print("with the word:   ", named)
assert plain == {"train": (["image", "text"], 3)}, plain
assert named == {"test": (["image"], 2)}, named
PY
