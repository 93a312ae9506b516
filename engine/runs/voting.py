"""The votes on a run: which models meet, which pairs people are asked about, where their votes are
kept.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from engine import jobs, worlds
from engine.evaluate import planning, standings
from engine.runs import names
from engine.votes import ledger, pairs, similarity, voters
from engine.votes.ledger import Ledger, Vote
from engine.votes.similarity import SiftedPairs
from engine.votes.voters import Signer

ALL_MODELS = "all models against each other"
SECRET_FILE = ".voters-secret"
"""Beside the runs; whoever has it can make voters."""


def duels(run: str) -> dict[str, tuple[str, ...]]:
    """The models of what can be compared, by its label: each merge with the base first, all models,
    which is (), last.
    """
    folder = names.folder(run)
    models = sorted(path.parent.name for path in folder.glob("scores/*/pictures"))
    merges = [path.name for path in folder.glob("merges/*")]
    models_by_label: dict[str, tuple[str, ...]] = {}
    for model, base in rivals(models, merges):
        models_by_label[f"{model} and {base}"] = (model, base)
    models_by_label[ALL_MODELS] = ()
    return models_by_label


def rivals(models: Sequence[str], merges: Sequence[str]) -> list[tuple[str, str]]:
    """Each model with the base, at the model's guidance scale if the base was painted there: merges
    first, then by how usual the scale is.
    """

    usual_scale = worlds.usual().GUIDANCE

    def rank(model: str) -> tuple[bool, float, str]:
        arm, scale = planning.arm_of(model)
        distance = abs((scale or 0.0) - usual_scale)
        return arm not in merges, distance, model

    ranked = sorted(models, key=rank)
    rivals_in_order = []
    for model in ranked:
        base = standings.base_of(model, ranked)
        if base is not None:
            rivals_in_order.append((model, base))
    return rivals_in_order


def sifted_pairs(run: str, duel: str | None) -> SiftedPairs:
    """The pairs of a duel, by its label; of all models where there is no such duel."""
    models = duels(run).get(duel or "", ())
    return similarity.sifted_pairs(names.open_store(run), models)


def open_ledger(run: str) -> Ledger:
    """Where the run's votes are kept. Raises EngineError where it cannot be opened."""
    return ledger.open_ledger(names.votes_url(run))


def votes_on_pictures(run: str) -> list[Vote]:
    """The votes on the run's pictures as they are now, oldest first; no file is made to look.

    A database of several runs keeps votes on other runs' pictures, and any keeps those on pictures
    that were painted anew since.
    """
    if not names.has_votes(run):
        return []
    ids = {pair.id for pair in pairs.all_pairs(names.open_store(run))}
    if not ids:
        return []
    return [vote for vote in open_ledger(run).votes() if vote.pair in ids]


def votes(run: str) -> list[Vote]:
    """Every vote on the run, oldest first; in a database of several runs those on its pictures."""
    if os.environ.get("SELMA_VOTES"):
        return votes_on_pictures(run)
    return open_ledger(run).votes() if names.has_votes(run) else []


def signer() -> Signer:
    """Who makes voters and knows them again. Raises EngineError where the secret cannot be kept."""
    return Signer(voters.secret(_secret_file()))


def _secret_file() -> Path:
    return jobs.runs() / SECRET_FILE
