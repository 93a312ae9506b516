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
from engine.core import provenance
from engine.core.config import read_toml, to_toml
from engine.core.errors import EngineError
from engine.core.hashing import file_hash
from engine.core.store import write_text
from engine.models import checkpoints
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
NOTHING_ACCEPTED = ".rejected.jsonl"
"""What a writer leaves of whose lines none was accepted: its options may be set anew."""


def begin(recipe: Recipe, folder: Path) -> str:
    """Write recipe.toml into a run folder; for one begun before, say which versions changed, or "".

    A recipe that goes on may change what decides nothing, name more skills, experts and models,
    change stages that have made nothing yet, and have others replace what they made. Raises
    EngineError, naming what differs, for all else, and when weights that should lie on this machine
    do not.
    """
    file = folder / FILE_NAME
    now = _made_with(recipe)
    before = _begun_with(file)
    if file.exists():
        _check_unchanged(recipes.load(file), recipe, folder)
    made_with = to_toml({MADE_WITH: before or now})
    write_text(file, f"{_text_of(recipe)}\n{made_with}")
    if not before:
        return ""
    return provenance.difference(checkpoints.recognised(before, now), now)


def _begun_with(file: Path) -> dict[str, str]:
    """The versions and hashes in a run's recipe; nothing before it was begun."""
    if not file.exists():
        return {}
    made_with = read_toml(file).get(MADE_WITH, {})
    if not isinstance(made_with, dict):
        raise EngineError(f"{file}: {MADE_WITH} is no table. Take that line out.")
    return made_with


def _text_of(recipe: Recipe) -> str:
    """As somebody wrote it, without what a run adds."""
    text = recipe.path.read_text(encoding="utf-8-sig")
    return text.split(f"[{MADE_WITH}]")[0].rstrip()


def _check_unchanged(before: Recipe, now: Recipe, folder: Path) -> None:
    """Raises EngineError for what the stages that have begun, and are not to replace what they
    made, would now do otherwise.
    """
    earlier: dict[str, Any] = {}
    later: dict[str, Any] = {}
    for stage in MADE_BY:
        if _must_agree(stage, before, now, folder):
            earlier |= _deciding(stage, getattr(before, stage))
            later |= _deciding(stage, getattr(now, stage))
            _accept_growth(stage, type(getattr(now, stage)), earlier, later)
    changed = provenance.difference(earlier, later)
    if changed:
        raise EngineError(
            f"{folder} was begun with another recipe ({changed}). Set that back in {now.path}, let "
            "the stage replace what it made (replace = true), or choose another folder."
        )


def _must_agree(stage: str, before: Recipe, now: Recipe, folder: Path) -> bool:
    config = getattr(now, stage)
    if not config or config.replace or not getattr(before, stage):
        return False
    return _has_made(folder, MADE_BY[stage])


def _deciding(stage: str, config: Any) -> dict[str, Any]:
    """By `stage.option`: the options that errors may not advise to change on the way."""
    free = provenance.free(type(config))
    options = {}
    for name, value in asdict(config).items():
        if name not in free:
            options[f"{stage}.{name}"] = value
    return options


def _accept_growth(stage: str, kind: type, earlier: dict[str, Any], later: dict[str, Any]) -> None:
    """Let an option that may name more, and still names all it did, count as unchanged."""
    for name in provenance.growing_options(kind):
        key = f"{stage}.{name}"
        if _holds(later[key], earlier[key]):
            later[key] = earlier[key]


def _holds(new: Any, old: Any) -> bool:
    """Whether a collection still has all that it had."""
    if isinstance(old, Mapping):
        return all(new.get(name) == value for name, value in old.items())
    return set(old) <= set(new)


def _has_made(folder: Path, pattern: str) -> bool:
    for file in folder.glob(pattern):
        if file.stat().st_size and not file.name.endswith(NOTHING_ACCEPTED):
            return True
    return False


def _made_with(recipe: Recipe) -> dict[str, str]:
    """Versions of Python, the libraries and the engine; hashes of the weights that lie here."""
    facts = {"python": platform.python_version()}
    for name in LIBRARIES:
        facts[name] = version(name)
    facts["engine"] = source_sha256()[:16]
    for model in _models(recipe):
        sha256 = checkpoints.local_fingerprint(model)
        if sha256:
            facts[f"weights of {model}"] = sha256
    return facts


def _models(recipe: Recipe) -> list[str]:
    """Who writes, paints, learns and is judged, each once. Raises EngineError for one that is not
    there.
    """
    models = set()
    for config in (recipe.images, recipe.experts, recipe.validation, recipe.test):
        if config:
            models.add(config.model)
    for model in models:
        checkpoints.local_folder(model)
    if recipe.images:
        models.add(recipe.images.encode_for)
    if recipe.prompts:
        models.add(recipe.prompts.writer_choice.model)
    return sorted(models)


def source_sha256() -> str:
    """Over names and bytes of the engine's modules: which version this is, with or without a
    repository.
    """
    digest = hashlib.sha256()
    for file in sorted(SOURCE.rglob("*.py")):
        digest.update(f"{file.relative_to(SOURCE).as_posix()} {file_hash(file)}\n".encode())
    return digest.hexdigest()
