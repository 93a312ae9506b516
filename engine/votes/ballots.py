"""Which pair comes next and which side is which. A voter sees an opaque ballot, never a model."""

import hashlib
import secrets
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import combinations
from pathlib import Path

from engine.core.hashing import file_hash
from engine.core.store import METADATA, Store, read_records
from engine.core.types import Picture
from engine.votes.ledger import Ledger, RefusedVote, Vote
from engine.votes.schema import Choice

LEAST_LOOK_SECONDS = 0.4
"""A vote that comes sooner after the pair is a second press meant for the pair before."""


class TooSoon(RefusedVote):
    """A vote before its pair can have been looked at."""


@dataclass(frozen=True)
class Side:
    """One model's picture of a prompt."""

    model: str
    seed: int
    file: Path
    sha256: str


@dataclass(frozen=True)
class Pair:
    """Two models' pictures of one prompt and seed; `first` is the earlier by name."""

    prompt_id: str
    prompt: str
    first: Side
    second: Side

    @property
    def id(self) -> str:
        """The same in every process and run, and another one where a picture is painted anew."""
        parts = [self.prompt_id]
        for side in (self.first, self.second):
            parts.append(f"{side.model}\x1f{side.seed}\x1f{side.sha256}")
        return hashlib.sha256("\x1e".join(parts).encode()).hexdigest()


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


def pairs(store: Store, models: Sequence[str] = ()) -> list[Pair]:
    """Every pair that the run's evaluation pictures make, of `models` or of all; without those now
    gone.
    """
    sides: dict[tuple[str, str, int], list[Side]] = defaultdict(list)
    """By prompt, text and seed."""
    for folder in sorted((store.folder / "scores").glob("*/pictures")):
        model = folder.parent.name
        if models and model not in models:
            continue
        for picture in read_records(folder / METADATA, Picture):
            file = folder / picture.file_name
            if file.is_file():
                side = Side(model, picture.seed, file, file_hash(file))
                sides[picture.prompt_id, picture.text, picture.seed].append(side)
    all_pairs = []
    for (prompt_id, text, _), of_prompt in sides.items():
        for first, second in combinations(of_prompt, 2):
            all_pairs.append(Pair(prompt_id, text, first, second))
    return all_pairs


def next_ballot(ledger: Ledger, among: Sequence[Pair], voter: str) -> Ballot | None:
    """The voter's open ballot, or a new one for the pair with the fewest votes; None when all are
    voted on.

    Equals are taken in an order of each voter's own. A pair is handed out both ways round equally
    often, the first time by chance.
    """
    known = {pair.id: pair for pair in among}
    for _ in range(len(known) + 1):
        mine = [row for row in ledger.issued(voter) if row["pair"] in known]
        open_rows = [row for row in mine if row["choice"] is None]
        if open_rows:
            row, number = open_rows[0], len(mine) - len(open_rows) + 1
            pair = known[row["pair"]]
            left, right = _files(pair, row["left_model"])
            return Ballot(row["id"], pair.prompt, left, right, number, len(known))
        waiting = set(known) - {row["pair"] for row in mine}
        if not waiting:
            return None
        _issue(ledger, known, waiting, voter)
    raise AssertionError("a ballot that was issued is open or voted on")


def cast(ledger: Ledger, ballot: str, choice: Choice, voter: str, looked_seconds: float) -> Vote:
    """Count a vote on the pair of `ballot`, which the voter's page names.

    `looked_seconds`, since the pair was seen, is the page's word; since the ballot was handed out,
    it is ours. Raises TooSoon when either is under `LEAST_LOOK_SECONDS`, and RefusedVote for
    another's ballot, one that was never handed out, or one that has its vote.
    """
    issued = ledger.ballot(ballot)
    if issued and issued["voter"] != voter:
        raise RefusedVote(
            "This ballot was handed out to somebody else. Reload the page for your own."
        )
    if issued and not _has_looked(looked_seconds, issued["issued_at"]):
        raise TooSoon("The pictures were not in sight for half a second. Look, and then vote.")
    return ledger.cast(ballot, choice)


def _has_looked(seconds: float, issued_at: str) -> bool:
    """False for NaN, too."""
    age = datetime.now(UTC) - datetime.fromisoformat(issued_at)
    return seconds >= LEAST_LOOK_SECONDS and age.total_seconds() >= LEAST_LOOK_SECONDS


def _issue(ledger: Ledger, known: dict[str, Pair], waiting: set[str], voter: str) -> None:
    """Hand out one pair. Another page of the same voter may be quicker; then its ballot is the open
    one.
    """
    voted: Counter[str] = Counter()
    on_the_left: Counter[tuple[str, str]] = Counter()
    for row in ledger.sides():
        voted[row["pair"]] += row["voted"]
        on_the_left[row["pair"], row["left_model"]] += row["issued"]
    pair = known[min(waiting, key=lambda name: (voted[name], _shuffled(voter, name)))]
    sides = [pair.first, pair.second]
    secrets.SystemRandom().shuffle(sides)  # so that chance decides among equals
    left, right = sorted(sides, key=lambda side: on_the_left[pair.id, side.model])
    ballot = {"id": secrets.token_urlsafe(16), "voter": voter, "pair": pair.id}
    prompt = {"prompt_id": pair.prompt_id, "prompt": pair.prompt}
    ledger.issue({**ballot, **prompt, **_columns("left", left), **_columns("right", right)})


def _columns(place: str, side: Side) -> dict[str, str | int]:
    return {f"{place}_model": side.model, f"{place}_seed": side.seed}


def _files(pair: Pair, left_model: str) -> tuple[Path, Path]:
    """The pictures from left to right."""
    if pair.first.model == left_model:
        return pair.first.file, pair.second.file
    return pair.second.file, pair.first.file


def _shuffled(voter: str, pair: str) -> str:
    return hashlib.sha256(f"{voter}\x1f{pair}".encode()).hexdigest()
