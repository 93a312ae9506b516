"""A run folder remembers the recipe that it follows, and what answered when it began: versions and
hashes.
"""

import hashlib
import platform
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from engine import recipes
from engine.core import plugins, provenance
from engine.core.config import build, read_toml, to_toml
from engine.core.errors import EngineError
from engine.core.hashing import file_hash
from engine.core.store import write_text
from engine.models import checkpoints
from engine.prompts import writers
from engine.recipes import MADE_WITH, Recipe

FILE_NAME = "recipe.toml"
LIBRARIES = ("torch", "diffusers", "peft", "transformers")
SOURCE = Path(__file__).parents[1]
MADE_BY = {
    "prompts": "prompts/[!.]*.jsonl",
    "images": "images/*/*.png",
    "experts": "experts/*/*.safetensors",
    "merge": "merges/*/*.safetensors",
    "validation": "scores/*/validation/*.jsonl",
    "test": "scores/*/test/*.jsonl",
}
"""What a stage that has begun leaves in the folder, and would not make again."""
NOTHING_KEPT = ".rejected.jsonl"
"""What a writer leaves of which nothing could be kept: its options may be set anew."""


def begin(recipe: Recipe, folder: Path) -> str:
    """Write recipe.toml into a run folder; for one begun before, say which versions changed, or "".

    A recipe that goes on may change what decides nothing, name more skills, experts and models,
    change stages that have made nothing yet, and have others replace what they made. Raises
    EngineError, naming what differs, for all else, and when weights that should lie on this machine
    do not.
    """
    file, made_with = folder / FILE_NAME, _made_with(recipe)
    text = recipe.path.read_text(encoding="utf-8-sig").split(f"[{MADE_WITH}]")[0].rstrip()
    before: dict[str, Any] = {}
    if file.exists():
        before = read_toml(file).get(MADE_WITH, {})
        if not isinstance(before, dict):
            raise EngineError(f"{file}: {MADE_WITH} is no table. Take that line out.")
        if changed := _changed(recipes.load(file), recipe, folder):
            raise EngineError(
                f"{folder} was begun with another recipe ({changed}). Set that back in "
                f"{recipe.path}, "
                "let the stage replace what it made (replace = true), or choose another folder."
            )
    write_text(file, f"{text}\n{to_toml({MADE_WITH: before or made_with})}")
    return (
        provenance.difference(checkpoints.recognised(before, made_with), made_with)
        if before
        else ""
    )


def _changed(before: Recipe, now: Recipe, folder: Path) -> str:
    """What the stages that have begun, and are not to replace what they made, were asked for
    otherwise.
    """
    begun = [
        stage
        for stage, made in MADE_BY.items()
        if _has_made(folder, made)
        and getattr(before, stage)
        and getattr(now, stage)
        and not getattr(now, stage).replace
    ]
    had, asked = (
        {
            f"{stage}.{name}": value
            for stage in begun
            for name, value in _deciding(getattr(one, stage))
        }
        for one in (before, now)
    )
    for stage in begun:
        for key in (f"{stage}.{name}" for name in provenance.growing(type(getattr(now, stage)))):
            if _holds(asked[key], had[key]):
                asked[key] = had[key]
    return provenance.difference(had, asked)


def _deciding(config: Any) -> list[tuple[str, Any]]:
    """What errors may not advise to change on the way."""
    free = provenance.free(type(config))
    return [(name, value) for name, value in asdict(config).items() if name not in free]


def _has_made(folder: Path, made: str) -> bool:
    return any(
        file.stat().st_size for file in folder.glob(made) if not file.name.endswith(NOTHING_KEPT)
    )


def _holds(new: Any, old: Any) -> bool:
    """Whether a collection still has all that it had."""
    if isinstance(old, Mapping):
        return all(new.get(name) == value for name, value in old.items())
    return set(old) <= set(new)


def _made_with(recipe: Recipe) -> dict[str, str]:
    found = {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}
    found["engine"] = source_sha256()[:16]
    return found | {
        f"weights of {model}": sha256
        for model in _models(recipe)
        if (sha256 := checkpoints.local_fingerprint(model))
    }


def _models(recipe: Recipe) -> list[str]:
    """Who writes, paints, learns and is judged, each once. Raises EngineError for one that is not
    there.
    """
    named = {
        config.model
        for config in (recipe.images, recipe.experts, recipe.validation, recipe.test)
        if config
    }
    for model in named:
        checkpoints.local_folder(model)
    if recipe.images:
        named.add(recipe.images.encode_for)
    if recipe.prompts:
        options = build(
            plugins.load(writers, recipe.prompts.writer).Config, recipe.prompts.writer_options
        )
        named.add(getattr(options, "model", ""))
    return sorted(named)


def source_sha256() -> str:
    """Over names and bytes of the engine's modules: which version this is, with or without a
    repository.
    """
    digest = hashlib.sha256()
    for file in sorted(SOURCE.rglob("*.py")):
        digest.update(f"{file.relative_to(SOURCE).as_posix()} {file_hash(file)}\n".encode())
    return digest.hexdigest()
