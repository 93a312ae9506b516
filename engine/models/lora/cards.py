"""What lies beside a LoRA's weights: a model card and the recipe. No torch."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from engine.core.errors import EngineError
from engine.core.hashing import file_hash
from engine.core.misfits import Misfit
from engine.core.store import read_json, write_json, write_text
from engine.core.type_checks import checker
from engine.models import checkpoints

FILE_NAME = "pytorch_lora_weights.safetensors"
RECIPE = "recipe.json"
CARD = "README.md"
REMEDY = "Delete its folder and make it again"
SNIPPET = """\
```python
from diffusers import DiffusionPipeline

pipe = DiffusionPipeline.from_pretrained("BASE")
pipe.load_lora_weights("path/to/this/folder")
```"""
LAST_LINE = (
    "`recipe.json` holds every option, the versions and the hashes of what this was made from."
)
HUB_ID = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*")


class RecordedBase(TypedDict, total=False):
    """What a recipe says of the base; None in its place is an unknown one."""

    model: str
    revision: str | None
    sha256: str | None
    encoder: str | None


class ExpertRecipe(TypedDict):
    """recipe.json of an expert, as far as it is read."""

    kind: NotRequired[str | None]
    name: NotRequired[str | None]
    source: NotRequired[dict[str, Any] | None]
    skills: NotRequired[list[Any] | None]
    step: NotRequired[int | None]
    steps: NotRequired[int | None]
    options: NotRequired[dict[str, Any] | None]
    base: NotRequired[RecordedBase | None]


class MergeRecipe(ExpertRecipe):
    """The same of a merge."""

    method: str
    experts: dict[str, float]
    verify: NotRequired[bool | None]


def write_card(
    folder: Path, story: str, recipe: Mapping[str, Any], options: Mapping[str, Any]
) -> None:
    """README.md, a Hub model card whose table holds the options, and then recipe.json."""
    base = recipe["base"]["model"]
    lines = _front_matter(base)
    lines += ["", f"# {recipe['name']}", "", story, "", SNIPPET, ""]
    lines += _table(folder, options)
    lines += ["", LAST_LINE, ""]
    card = "\n".join(lines)
    shipped = checkpoints.SHIPPED.get(base)
    location = checkpoints.place_of(shipped) if shipped else base
    write_text(folder / CARD, card.replace("BASE", location))
    write_json(folder / RECIPE, recipe)


def read_recipe(folder: Path) -> dict[str, Any]:
    """recipe.json of an expert or a merge.

    Raises EngineError when it is missing, or holds what no stage writes.
    """
    file = folder / RECIPE
    recipe = read_json(file, REMEDY)
    is_merge = isinstance(recipe, dict) and recipe.get("kind") == "merge"
    try:
        return checker(MergeRecipe if is_merge else ExpertRecipe)(recipe)
    except Misfit as error:
        raise EngineError(f"{file} is damaged ({error}). {REMEDY}.") from error


def check_base(base: Any, file: Path) -> None:
    """Raises EngineError for what names no base; None is an unknown one."""
    try:
        checker(RecordedBase | None)(base)
    except Misfit as error:
        raise EngineError(f"{file} is damaged (base: {error}). {REMEDY}.") from error


def _front_matter(base: str) -> list[str]:
    """What the Hub reads of a card."""
    lines = ["---", "library_name: diffusers", "tags: [lora, text-to-image, selma-studio]"]
    if HUB_ID.fullmatch(base):
        lines.append(f"base_model: {base}")
    return [*lines, "---"]


def _table(folder: Path, options: Mapping[str, Any]) -> list[str]:
    rows = ["| option | value |", "|---|---|"]
    for name, value in options.items():
        rows.append(f"| {name.replace('_', ' ')} | {_text(value)} |")
    for file in _weights(folder):
        rows.append(f"| sha256 of {file.name} | `{file_hash(file)}` |")
    return rows


def _weights(folder: Path) -> list[Path]:
    """The files that are whole and stay: no checkpoint, and nothing that is being written."""
    files = sorted(folder.glob("[!.]*.safetensors"))
    return [file for file in files if file.name != "checkpoint.safetensors"]


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {_text(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)
