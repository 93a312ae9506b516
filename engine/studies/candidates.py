"""The weights that a search has tried, in the order of trying: searches/<name>/tried.jsonl."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from engine.core.errors import EngineError
from engine.core.store import Store, read_records

AVERAGE = "average"
"""How the arm of the first candidate ends, which is the plain average."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """One candidate and its score on validation."""

    arm: str
    weights: dict[str, float]
    score: float


def file_of(store: Store, search: str) -> Path:
    return store.folder / "searches" / search / "tried.jsonl"


def read_candidates(store: Store, search: str) -> list[Candidate]:
    """All candidates of a search, the average first.

    Raises EngineError for a file that is no search's.
    """
    file = file_of(store, search)
    candidates = read_records(file, Candidate)
    if candidates and not _is_whole(candidates):
        raise EngineError(
            f"{file} is damaged: it does not begin with the average, or its lines "
            "name different experts. Delete it and search again."
        )
    return candidates


def best_of(candidates: Sequence[Candidate], gain: Callable[[float], float]) -> Candidate:
    """The first of the best score; the gain of a score is higher the better it is."""
    return max(candidates, key=lambda candidate: gain(candidate.score))


def _is_whole(candidates: Sequence[Candidate]) -> bool:
    first = candidates[0]
    experts = first.weights.keys()
    if any(candidate.weights.keys() != experts for candidate in candidates):
        return False
    return first.arm.endswith(AVERAGE)
