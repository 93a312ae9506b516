"""A run folder remembers the recipe that began it, and what answered: versions and hashes."""
import hashlib
import platform
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from engine.core.config import read_toml
from engine.core.errors import EngineError
from engine.core.recipe import difference, file_hash
from engine.core.store import write_text
from engine.models import checkpoints
from engine.recipes import FOR_THE_READER, MADE_WITH, Recipe

FILE_NAME = "recipe.toml"
LIBRARIES = ("torch", "diffusers", "peft", "transformers")
SOURCE = Path(__file__).parent


def begin(recipe: Recipe, folder: Path) -> str:
    """Write recipe.toml into a new run folder; for one begun before, say which versions changed, or "".

    Raises EngineError, naming what differs, when the folder was begun with another recipe, and when weights that
    should lie on this machine do not.
    """
    file, made_with = folder / FILE_NAME, _made_with(recipe)
    if not file.exists():
        text = recipe.path.read_text(encoding="utf-8").split(f"[{MADE_WITH}]")[0].rstrip()
        lines = [f'"{name}" = "{value}"' for name, value in made_with.items()]
        write_text(file, "\n".join([text, "", f"[{MADE_WITH}]", *lines, ""]))
        return ""
    before = read_toml(file)
    if changed := difference(_flat(before), _flat(recipe.tables)):
        raise EngineError(f"{folder} was begun with another recipe ({changed}). Set that back in {recipe.path}, or "
                          "choose another folder.")
    return difference(before.get(MADE_WITH, {}), made_with)


def _made_with(recipe: Recipe) -> dict[str, str]:
    found = {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}
    found["engine"] = source_sha256()[:16]
    for config in (recipe.images, recipe.experts, recipe.test):
        if config and (weights := checkpoints.local_folder(config.model)):
            found[f"weights of {config.model}"] = checkpoints.fingerprint(weights)
    return found


def source_sha256() -> str:
    """Over names and bytes of the engine's modules: which version this is, with or without a repository."""
    digest = hashlib.sha256()
    for file in sorted(SOURCE.rglob("*.py")):
        digest.update(f"{file.relative_to(SOURCE).as_posix()} {file_hash(file)}\n".encode())
    return digest.hexdigest()


def _flat(tables: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`experts.steps` -> value, without what is for the reader."""
    found: dict[str, Any] = {}
    for name, value in tables.items():
        if not prefix and name in (*FOR_THE_READER, MADE_WITH):
            continue
        nested = isinstance(value, dict) and value
        found |= _flat(value, f"{prefix}{name}.") if nested else {f"{prefix}{name}": value}
    return found
