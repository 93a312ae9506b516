"""The recipes that lie ready: whole lines that a run can be started with."""

import os
from pathlib import Path

from engine import jobs, worlds
from engine.core.config import read_toml
from engine.core.errors import EngineError

QUICK = worlds.usual().RECIPE


def folder() -> Path:
    """SELMA_RECIPES, or those that ship."""
    shipped = jobs.ROOT / "assets" / "recipes"
    return Path(os.environ.get("SELMA_RECIPES", shipped)).resolve()


def file_of(recipe: str) -> Path:
    return folder() / f"{recipe}.toml"


def names() -> list[str]:
    """The quick one first."""
    in_order = sorted(path.stem for path in folder().glob("*.toml"))
    return sorted(in_order, key=_is_not_quick)  # which keeps the order otherwise


def title_of(recipe: str) -> str:
    """A recipe's own title after its name; its name alone where it has none."""
    title = own_title(recipe)
    return f"{recipe} · {title}" if title else recipe


def own_title(recipe: str) -> str:
    """The title that stands in a recipe; "" where there is none, or the file is damaged."""
    try:
        return str(read_toml(file_of(recipe)).get("title", ""))
    except EngineError:  # whoever starts it is told what is wrong with it
        return ""


def _is_not_quick(name: str) -> bool:
    return name != QUICK
