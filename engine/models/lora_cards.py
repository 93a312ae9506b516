"""What lies beside a LoRA's weights: a model card and the recipe. No torch."""
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engine.core.errors import EngineError
from engine.core.recipe import file_hash
from engine.core.store import read_json, write_json, write_text
from engine.models.checkpoints import STORYBOOK

FILE_NAME = "pytorch_lora_weights.safetensors"
RECIPE = "recipe.json"
CARD = "README.md"
ANEW = "Delete its folder and make it again."
FIELDS = {"kind": str | None, "name": str | None, "source": dict | None, "skills": list | None,
          "step": int | None, "steps": int | None}
OF_A_MERGE = {"method": str, "options": dict | None, "experts": dict, "verify": bool | None}
"""Of recipe.json, by their types."""
BEYOND = 1e300
"""No weight of any use, and the last that can be computed with."""
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
    rows += [f"| sha256 of {file.name} | `{file_hash(file)}` |" for file in _weights(folder)]
    where = f"assets/storybook/{STORYBOOK[base]}" if base in STORYBOOK else base
    lines = [*front, "---", "", f"# {recipe['name']}", "", story, "", *SNIPPET, "",
             "| option | value |", "|---|---|", *rows, "",
             "`recipe.json` holds every option, the versions and the hashes of what this was made from.", ""]
    write_text(folder / CARD, "\n".join(lines).replace("BASE", where))
    write_json(folder / RECIPE, recipe)


def read_recipe(folder: Path) -> dict[str, Any]:
    """recipe.json of an expert or a merge.

    Raises EngineError when it is missing, or holds what no stage writes.
    """
    file = folder / RECIPE
    recipe = read_json(file)
    if not isinstance(recipe, dict):
        raise EngineError(f"{file} is damaged: it holds no table. {ANEW}")
    kinds = FIELDS | (OF_A_MERGE if recipe.get("kind") == "merge" else {})
    for name, kind in kinds.items():
        if not isinstance(recipe.get(name), kind):
            raise EngineError(f"{file} is damaged: its {name} is {recipe.get(name)!r:.60}. {ANEW}")
    check_base(recipe.get("base"), file)
    if recipe.get("kind") == "merge":
        check_numbers(recipe["experts"], file)
    return recipe


def check_base(base: Any, file: Path) -> None:
    """Raises EngineError for what names no base; None is an unknown one."""
    told = {} if base is None else base
    if not isinstance(told, dict):
        raise EngineError(f"{file} is damaged: its base is {told!r:.60}. {ANEW}")
    for name in ("model", "revision", "sha256"):
        kind = str if name == "model" else str | None
        if not isinstance(told.get(name, ""), kind):
            raise EngineError(f"{file} is damaged: its base's {name} is {told[name]!r:.60}. {ANEW}")


def check_numbers(weights: Mapping[str, Any], file: Path) -> None:
    """Raises EngineError for a weight, of those that a file tells by expert, that is no number."""
    for name, weight in weights.items():
        is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not is_number or not abs(weight) < BEYOND:
            raise EngineError(f"{file} is damaged: the weight of {name} is {weight!r:.60}. {ANEW}")


def _weights(folder: Path) -> list[Path]:
    """The files that are whole and stay: no checkpoint, and nothing that is being written."""
    return [file for file in sorted(folder.glob("[!.]*.safetensors"))
            if file.name != "checkpoint.safetensors"]


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(inner)}" for name, inner in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
