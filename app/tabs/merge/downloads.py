"""Files of an expert or a merge for other programs, and the recipe that makes it again."""

import hashlib
import tempfile
from functools import cache, lru_cache
from pathlib import Path
from shutil import copyfile
from typing import Any, NamedTuple

from engine import experts, merge
from engine.core import provenance
from engine.core.config import to_toml
from engine.core.hashing import file_hash
from engine.core.store import Store, atomic
from engine.models.lora.cards import CARD, FILE_NAME
from engine.runs import contents

OF_A_MERGE = (*provenance.names(merge.Config), "options")
OF_AN_EXPERT = (*provenance.names(experts.Config), "options")
"""What of a recipe makes a merge or an expert again."""


class Copies(NamedTuple):
    """Copies where Gradio may read them: the file itself, one in kohya's naming, and the card where
    there is one.
    """

    plain: str
    kohya: str
    card: str | None
    hashes: str


def files_of(store: Store) -> dict[str, Path]:
    """The weights of every merge and expert, by its name; merges first."""
    merges = sorted(store.folder.glob(f"merges/*/{FILE_NAME}"))
    experts = sorted(store.folder.glob(f"experts/*/{FILE_NAME}"))
    return {path.parent.name: path for path in (*merges, *experts)}


def copies_of(file: Path) -> Copies:
    """Made once, and again when the file changes. Raises EngineError."""
    return _copies(file, file.stat().st_mtime_ns)


def recipe_of(file: Path) -> str:
    """The part of a recipe that makes a file again; "" where nobody knows how it was made."""
    if not (file.parent / "recipe.json").exists():
        return ""
    return as_recipe(contents.recipe(file.parent))


def as_recipe(card: dict[str, Any]) -> str:
    """The part of a recipe that makes again what a card is about."""
    if card.get("kind") == "merge":
        options = {name: card[name] for name in OF_A_MERGE if card.get(name)}
        return to_toml({"merge": options}).strip()
    tables = _tables(card)
    if not tables:
        return ""
    options = {name: card[name] for name in OF_AN_EXPERT if card.get(name) is not None}
    return to_toml({"experts": options | tables}).strip()


def copy(source: Path, target: Path) -> None:
    """Raises EngineError when the disk is full."""
    with atomic(target) as temporary:
        copyfile(source, temporary)


def _tables(card: dict[str, Any]) -> dict[str, Any]:
    """What stands in a recipe by the expert's name: its skills, and its share of their pictures."""
    tables = {}
    for table, field in (("experts", "skills"), ("shards", "shard")):
        if card.get("name") and card.get(field):
            tables[table] = {card["name"]: card[field]}
    return tables


@lru_cache(32)
def _copies(file: Path, changed_at: int) -> Copies:
    from engine.models.lora import expert_files, foreign_files

    folder, name = _folder(file, changed_at), file.parent.name
    plain, kohya = folder / file.name, folder / f"{name}.safetensors"
    read = expert_files.read(file.parent)
    foreign_files.write(kohya, "kohya", read.expert, read.recipe)
    copy(file, plain)
    hashes = f"sha256: `{file_hash(plain)}` for diffusers, `{file_hash(kohya)}` for the others."
    source, card = file.parent / CARD, folder / f"{name}.md"
    if not source.is_file():
        return Copies(str(plain), str(kohya), None, hashes)
    copy(source, card)
    return Copies(str(plain), str(kohya), str(card), hashes)


def _folder(file: Path, changed_at: int) -> Path:
    """One of its own for each state of each file."""
    key = hashlib.sha256(f"{file} {changed_at}".encode()).hexdigest()
    return Path(_scratch().name) / key[:16]


@cache
def _scratch() -> tempfile.TemporaryDirectory:
    """Gone when the app ends."""
    return tempfile.TemporaryDirectory(prefix="selma-files-")
