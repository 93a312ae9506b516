"""What lies beside a LoRA's weights: a model card and the recipe. No torch."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from engine.core.errors import EngineError
from engine.core.hashing import file_hash
from engine.core.misfits import Misfit
from engine.core.store import read_json, write_json, write_text
from engine.core.typed import checker
from engine.models.checkpoints import STORYBOOK

FILE_NAME = "pytorch_lora_weights.safetensors"
RECIPE = "recipe.json"
CARD = "README.md"
ANEW = "Delete its folder and make it again"
SNIPPET = [
    "```python",
    "from diffusers import DiffusionPipeline",
    "",
    'pipe = DiffusionPipeline.from_pretrained("BASE")',
    'pipe.load_lora_weights("path/to/this/folder")',
    "```",
]
HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


class Base(TypedDict, total=False):
    """What a recipe says of the base; None in its place is an unknown one."""

    model: str
    revision: str | None
    sha256: str | None


class Made(TypedDict):
    """recipe.json of an expert, as far as it is read."""

    kind: NotRequired[str | None]
    name: NotRequired[str | None]
    source: NotRequired[dict[str, Any] | None]
    skills: NotRequired[list[Any] | None]
    step: NotRequired[int | None]
    steps: NotRequired[int | None]
    options: NotRequired[dict[str, Any] | None]
    base: NotRequired[Base | None]


class Merged(Made):
    """The same of a merge."""

    method: str
    experts: dict[str, float]
    verify: NotRequired[bool | None]


def write_card(
    folder: Path, story: str, recipe: Mapping[str, Any], options: Mapping[str, Any]
) -> None:
    """README.md, a Hub model card whose table holds the options, and then recipe.json."""
    base = recipe["base"]["model"]
    front = ["---", "library_name: diffusers", "tags: [lora, text-to-image, selma-studio]"]
    front += [f"base_model: {base}"] if HUB_ID.fullmatch(base) else []
    rows = [f"| {name.replace('_', ' ')} | {_shown(value)} |" for name, value in options.items()]
    rows += [f"| sha256 of {file.name} | `{file_hash(file)}` |" for file in _weights(folder)]
    where = f"assets/storybook/{STORYBOOK[base]}" if base in STORYBOOK else base
    lines = [
        *front,
        "---",
        "",
        f"# {recipe['name']}",
        "",
        story,
        "",
        *SNIPPET,
        "",
        "| option | value |",
        "|---|---|",
        *rows,
        "",
        "`recipe.json` holds every option, the versions and the hashes of what this was made from.",
        "",
    ]
    write_text(folder / CARD, "\n".join(lines).replace("BASE", where))
    write_json(folder / RECIPE, recipe)


def read_recipe(folder: Path) -> dict[str, Any]:
    """recipe.json of an expert or a merge.

    Raises EngineError when it is missing, or holds what no stage writes.
    """
    file = folder / RECIPE
    made = read_json(file, ANEW)
    kind = Merged if isinstance(made, dict) and made.get("kind") == "merge" else Made
    try:
        return checker(kind)(made)
    except Misfit as error:
        raise EngineError(f"{file} is damaged ({error}). {ANEW}.") from error


def check_base(base: Any, file: Path) -> None:
    """Raises EngineError for what names no base; None is an unknown one."""
    try:
        checker(Base | None)(base)
    except Misfit as error:
        raise EngineError(f"{file} is damaged (base: {error}). {ANEW}.") from error


def _weights(folder: Path) -> list[Path]:
    """The files that are whole and stay: no checkpoint, and nothing that is being written."""
    return [
        file
        for file in sorted(folder.glob("[!.]*.safetensors"))
        if file.name != "checkpoint.safetensors"
    ]


def _shown(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_shown(inner)}" for name, inner in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
