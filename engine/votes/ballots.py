"""Which pair comes next and which side is which. A voter sees an opaque ballot, never a model."""

import hashlib
import secrets
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine.votes.ledger import Ledger, RefusedVote, Vote
from engine.votes.pairs import Pair, Side
from engine.votes.schema import Choice

LEAST_LOOK_SECONDS = 0.4
"""A vote that comes sooner after the pair is a second press meant for the pair before."""


class EarlyVote(RefusedVote):
    """A vote before its pair can have been looked at."""


@dataclass(frozen=True)
class Ballot:
    """All that a voter may know. `left` and `right` are files; no page may hold their names."""

    id: str
    prompt: str
    left: Path
    right: Path
    number: int
    """Counted from 1 among the `total` pairs there are for this voter."""
    total: int


def next_ballot(ledger: Ledger, pairs: Sequence[Pair], voter: str) -> Ballot | None:
    """The voter's open ballot, or a new one for the pair with the fewest votes; None when all are
    voted on.

    Equals are taken in an order that differs from voter to voter. A pair is handed out both ways
    round equally often, the first time by chance.
    """
    pair_by_id = {pair.id: pair for pair in pairs}
    for _ in range(len(pair_by_id) + 1):
        rows = [row for row in ledger.ballots_of(voter) if row["pair"] in pair_by_id]
        open_rows = [row for row in rows if row["choice"] is None]
        if open_rows:
            votes = len(rows) - len(open_rows)
            return _ballot(open_rows[0], pair_by_id, votes + 1)
        pairs_left = pair_by_id.keys() - {row["pair"] for row in rows}
        if not pairs_left:
            return None
        _issue(ledger, pair_by_id, pairs_left, voter)
    raise AssertionError("a ballot that was issued is open or voted on")


def cast(ledger: Ledger, ballot: str, choice: Choice, voter: str, look_seconds: float) -> Vote:
    """Count a vote on the pair of `ballot`, which the voter's page names.

    `look_seconds`, since the pair was seen, is the page's word; since the ballot was handed out,
    it is ours. Raises EarlyVote when either is under `LEAST_LOOK_SECONDS`, and RefusedVote for
    another's ballot, one that was never handed out, or one that has its vote.
    """
    row = ledger.ballot(ballot)
    if row and row["voter"] != voter:
        raise RefusedVote(
            "This ballot was handed out to somebody else. Reload the page for your own."
        )
    if row and not _is_long_enough(look_seconds, row["issued_at"]):
        raise EarlyVote("The pictures were not in sight for half a second. Look, and then vote.")
    return ledger.cast(ballot, choice)


def _ballot(row: Mapping[str, Any], pair_by_id: Mapping[str, Pair], number: int) -> Ballot:
    """What a voter sees of a ballot that was handed out."""
    pair = pair_by_id[row["pair"]]
    left, right = pair.first.file, pair.second.file
    if row["left_model"] != pair.first.model:
        left, right = right, left
    return Ballot(row["id"], pair.prompt, left, right, number, len(pair_by_id))


def _is_long_enough(look_seconds: float, issued_at: str) -> bool:
    """False for NaN, too."""
    age = datetime.now(UTC) - datetime.fromisoformat(issued_at)
    return look_seconds >= LEAST_LOOK_SECONDS and age.total_seconds() >= LEAST_LOOK_SECONDS


def _issue(
    ledger: Ledger, pair_by_id: Mapping[str, Pair], pairs_left: Collection[str], voter: str
) -> None:
    """Hand out one pair. Another page of the same voter may be quicker; then its ballot is the open
    one.
    """
    vote_counts: Counter[str] = Counter()
    left_counts: Counter[tuple[str, str]] = Counter()
    """By pair, and the model on the left."""
    for row in ledger.side_counts():
        vote_counts[row["pair"]] += row["votes"]
        left_counts[row["pair"], row["left_model"]] += row["ballots"]

    def rank(pair: str) -> tuple[int, str]:
        return vote_counts[pair], _shuffle_key(voter, pair)

    pair = pair_by_id[min(pairs_left, key=rank)]
    sides = [pair.first, pair.second]
    secrets.SystemRandom().shuffle(sides)  # so that chance decides among equals
    left, right = sorted(sides, key=lambda side: left_counts[pair.id, side.model])
    ballot = {"id": secrets.token_urlsafe(16), "voter": voter, "pair": pair.id}
    prompt = {"prompt_id": pair.prompt_id, "prompt": pair.prompt}
    ledger.issue({**ballot, **prompt, **_columns("left", left), **_columns("right", right)})


def _columns(place: str, side: Side) -> dict[str, str | int]:
    return {f"{place}_model": side.model, f"{place}_seed": side.seed}


def _shuffle_key(voter: str, pair: str) -> str:
    return hashlib.sha256(f"{voter}\x1f{pair}".encode()).hexdigest()
