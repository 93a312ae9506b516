"""What lies beside a LoRA's weights: a model card and the recipe. No torch."""
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.core.recipe import file_hash
from engine.core.store import write_json, write_text
from engine.models.checkpoints import STORYBOOK

FILE_NAME = "pytorch_lora_weights.safetensors"
RECIPE = "recipe.json"
CARD = "README.md"
SNIPPET = [
    "```python",
    "from diffusers import DiffusionPipeline",
    "",
    'pipe = DiffusionPipeline.from_pretrained("BASE")',
    'pipe.load_lora_weights("path/to/this/folder")',
    "```",
]
HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


def write_card(folder: Path, story: str, recipe: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """README.md, a Hub model card whose table holds the options, and then recipe.json."""
    base = recipe["base"]["model"]
    front = ["---", "library_name: diffusers", "tags: [lora, text-to-image, selma-studio]"]
    front += [f"base_model: {base}"] if HUB_ID.fullmatch(base) else []
    rows = [f"| {name.replace('_', ' ')} | {_shown(value)} |" for name, value in options.items()]
    rows += [f"| sha256 of {file.name} | `{file_hash(file)}` |" for file in sorted(folder.glob("*.safetensors"))
             if file.name != "checkpoint.safetensors"]
    where = f"assets/storybook/{STORYBOOK[base]}" if base in STORYBOOK else base
    lines = [*front, "---", "", f"# {recipe['name']}", "", story, "", *SNIPPET, "",
             "| option | value |", "|---|---|", *rows, "",
             "`recipe.json` holds every option, the versions and the hashes of what this was made from.", ""]
    write_text(folder / CARD, "\n".join(lines).replace("BASE", where))
    write_json(folder / RECIPE, recipe)


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(inner)}" for name, inner in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
