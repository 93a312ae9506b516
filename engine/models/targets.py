"""Which layers a LoRA can change, told by their paths' ends. No torch."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from engine.core.errors import EngineError
from engine.models import families
from engine.models.families import Family


def check(targets: Iterable[str], folder: Path | None = None) -> None:
    """Raises EngineError for none, and for one that no base of the known families has.

    `folder` is the base's where it lies on this machine: then its own family counts, and a base of
    none, or with other layers than are usual in its family, is left to the stage.
    """
    ends = tuple(targets)
    if not ends:
        raise EngineError("A LoRA needs layers to change. Choose targets, such as to_q and to_v.")
    candidates = list(families.all_families().values())
    if folder is not None:
        family = families.of_folder(folder)
        if family is None or not _is_usual(family, folder):
            return
        candidates = [family]
    for target in ends:
        if not any(_has(family, target) for family in candidates):
            common = dict.fromkeys(end for family in candidates for end in family.COMMON_TARGETS)
            raise EngineError(
                f"No linear layer or convolution is called {target[:80]!r}. "
                f"Choose targets from {', '.join(common)}."
            )


def _has(family: Family, target: str) -> bool:
    parts = target.split(".")
    return any(_ends(path.split("."), parts) for path in family.TARGET_PATHS)


def _ends(path: Sequence[str], target: Sequence[str]) -> bool:
    """Whether the last parts of a path are the target's; peft's rule."""
    tail = path[-len(target) :]
    if len(tail) != len(target):
        return False
    for known, part in zip(tail, target, strict=True):
        fits = part.isdigit() if known == "#" else part == known
        if not fits:
            return False
    return True


def _is_usual(family: Family, folder: Path) -> bool:
    """Whether the network's config names usual layers alone; the stage tells a damaged one."""
    file = folder / family.MODULE / "config.json"
    try:
        return family.has_usual_layers(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError):
        return False
