"""How the experts of a run get on with each other; nothing is painted for it."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from engine.core.store import Store
from engine.models.lora.cards import FILE_NAME

if TYPE_CHECKING:
    from engine.merge.interference import Report

FEWEST_EXPERTS = 2
Stamps = tuple[tuple[str, int], ...]
"""Experts, and when their files were changed."""


def report(run: Store) -> "Report | None":
    """Of all experts at equal weights; None where there are too few of them.

    Made once, and again when an expert changes. Raises EngineError for one that is damaged.
    """
    files = sorted(run.folder.glob(f"experts/*/{FILE_NAME}"))
    if len(files) < FEWEST_EXPERTS:
        return None
    stamps = tuple((file.parent.name, file.stat().st_mtime_ns) for file in files)
    return _report(run.folder, stamps)


@lru_cache(8)
def _report(folder: Path, stamps: Stamps) -> "Report":
    from engine.merge import interference
    from engine.models.lora import expert_files

    experts = {}
    for name, _ in stamps:
        experts[name] = expert_files.read(Store(folder).expert(name)).expert
    return interference.report(experts, {})
