"""Names under which `load_dataset("imagefolder")` opens a folder whole: one split, all columns.

`datasets` (5.2, data_files.py) makes splits of the words below wherever they stand between
separators in the name of a file or folder, and then leaves out everything else, metadata.jsonl too,
without a word.
"""

import hashlib
import re
from pathlib import Path

SPLIT_WORDS = (
    "train",
    "training",
    "validation",
    "valid",
    "dev",
    "val",
    "test",
    "testing",
    "eval",
    "evaluation",
)
SEPARATORS = "-._ 0-9"
MARK = "~"
"""No separator of theirs: `~test~_places` is the folder of the skill `test_places`."""

_SPLIT = re.compile(rf"(?:(?<=[{SEPARATORS}])|^)({'|'.join(SPLIT_WORDS)})(?=[{SEPARATORS}]|$)")
_MARKED = re.compile(rf"{MARK}({'|'.join(SPLIT_WORDS)}){MARK}")
CARD = """---
configs:
- config_name: default
  data_files:
  - split: train
    path:
    - "**/*.png"
    - "**/metadata.jsonl"
---

{story}
"""
"""A dataset card; its `configs` go before all names where the folder itself is opened."""


def folder_name(skill: str) -> str:
    """The folder of a skill's pictures: its name, but no split and not hidden."""
    marked = _SPLIT.sub(rf"{MARK}\1{MARK}", skill)
    return f"{MARK}{marked}" if marked.startswith("__") else marked


def skill_of(folder: str) -> str:
    """The skill whose pictures lie in a folder of this name."""
    return _MARKED.sub(r"\1", folder).removeprefix(MARK)


def file_name(prompt_id: str, number: int) -> str:
    """A picture's file: hexadecimal digits spell no split and lead out of no folder."""
    return f"{hashlib.sha256(prompt_id.encode()).hexdigest()[:12]}-{number}.png"


def write_card(folder: Path, story: str) -> None:
    """Say how the folder opens, where nobody has said anything yet."""
    from engine.core.store import write_text  # which needs the names above

    if not (folder / "README.md").exists():
        write_text(folder / "README.md", CARD.format(story=story))
