"""The pairs of a run that people are asked about, and where their votes are counted."""

from collections.abc import Sequence
from contextlib import suppress
from functools import cache, lru_cache
from pathlib import Path

from engine import runs
from engine.core.store import Store
from engine.evaluate import planning, standings
from engine.runs.preview import USUAL_GUIDANCE
from engine.votes import ballots, similarity
from engine.votes.ballots import Pair
from engine.votes.ledger import Ledger
from engine.votes.similarity import SiftedPairs

EVERYTHING = "all models against each other"
Models = tuple[str, ...]
"""Those that are compared; () is all of them."""
Stamps = tuple[tuple[int, int], ...]
"""When files were changed, and their sizes."""


def duels(run: str) -> dict[str, Models]:
    """What can be compared, by its label: each merge with the base first."""
    folder = runs.folder(run)
    models = sorted(path.parent.name for path in folder.glob("scores/*/pictures"))
    merges = [path.name for path in folder.glob("merges/*")]
    labels: dict[str, Models] = {}
    for model, base in rivals(models, merges):
        labels[f"{model} and {base}"] = (model, base)
    labels[EVERYTHING] = ()
    return labels


def rivals(models: Sequence[str], merges: Sequence[str]) -> list[tuple[str, str]]:
    """Each model with the base, at its own guidance scale if it was painted there: merges first,
    then by how usual the scale is."""

    def rank(model: str) -> tuple[bool, float, str]:
        arm, scale = planning.arm_of(model)
        distance = abs((scale or 0.0) - USUAL_GUIDANCE)
        return arm not in merges, distance, model

    ranked = sorted(models, key=rank)
    pairs = []
    for model in ranked:
        base = standings.base_of(model, ranked)
        if base is not None:
            pairs.append((model, base))
    return pairs


def sift_duel(run: str, duel: str | None) -> SiftedPairs:
    """The pairs of a duel, those to ask apart; of all models where there is no such."""
    return sift_models(run, duels(run).get(duel or "", ()))


def sift_models(run: str, models: Models) -> SiftedPairs:
    folder = runs.folder(run)
    return _sifted(folder, models, _stamps(folder))


def every_pair(run: str) -> Sequence[Pair]:
    """Every pair of the run, whether anybody is asked about it or not."""
    folder = runs.folder(run)
    return _pairs(folder, (), _stamps(folder))


def ledger(run: str) -> Ledger:
    """Where the run's votes are counted. Raises EngineError where it cannot be opened."""
    return _ledger(runs.votes_url(run))


def forget_ledgers() -> None:
    """Open them anew: a run's folder has another name, or is gone, and its old name may be given
    again.
    """
    _ledger.cache_clear()


def _stamps(folder: Path) -> Stamps:
    """Another value as soon as any picture or its metadata changes."""
    stamps = []
    for path in sorted(folder.glob("scores/*/pictures/[!.]*")):
        with suppress(FileNotFoundError):  # replaced at this moment
            status = path.stat()
            stamps.append((status.st_mtime_ns, status.st_size))
    return tuple(stamps)


@lru_cache(16)
def _sifted(folder: Path, models: Models, stamps: Stamps) -> SiftedPairs:
    return similarity.sift(_pairs(folder, models, stamps))


@lru_cache(16)
def _pairs(folder: Path, models: Models, _stamps: Stamps) -> Sequence[Pair]:
    return ballots.pairs(Store(folder), models)


@cache
def _ledger(url: str) -> Ledger:
    return Ledger(url)
