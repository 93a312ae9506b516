"""What was handed out and what was chosen, in SQLite or behind any other SQLAlchemy URL.

A ballot is handed out once; a vote is a row that nothing changes afterwards. That a voter
gets a pair once and a ballot counts once are constraints of the database itself: two pages, two
processes or two servers cannot get round them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Any

import sqlalchemy as sql
from sqlalchemy.exc import IntegrityError

from engine.core.errors import EngineError
from engine.votes.database import Database
from engine.votes.schema import BALLOT_LENGTH, BALLOTS, CHOICES, VOTES, Choice

BALLOT_ID = re.compile(rf"[A-Za-z0-9_-]{{1,{BALLOT_LENGTH}}}")


class RefusedVote(EngineError):
    """A vote that does not count: its ballot is unknown, or was voted on before."""


@dataclass(frozen=True)
class Vote:
    """One counted vote; times are UTC in ISO 8601."""

    ballot: str
    voter: str
    pair: str
    choice: Choice
    prompt_id: str
    prompt: str
    left_model: str
    right_model: str
    left_seed: int
    right_seed: int
    cast_at: str


class Ledger:
    """The votes of one run."""

    def __init__(self, url: str) -> None:
        """Opens `url`, such as `sqlite:///runs/demo/votes.db`, and makes its tables. Raises
        EngineError.
        """
        self._database = Database(url)

    def issue(self, ballot: Mapping[str, Any]) -> bool:
        """Record a ballot, values by column; False when this voter already has one for the pair.

        Raises RefusedVote for a value longer than its column, which SQLite would store whole.
        """
        for column in BALLOTS.c:
            _check_length(column, ballot.get(column.name))
        row = sql.insert(BALLOTS).values(**ballot, issued_at=_now())
        try:
            with self._database.connection() as connection:
                connection.execute(row)
        except IntegrityError:
            return False
        return True

    def ballot(self, ballot: str) -> Mapping[str, Any] | None:
        """What was handed out under this id, values by column; None when nothing was."""
        if not isinstance(ballot, str) or not BALLOT_ID.fullmatch(ballot):
            return None
        rows = self._database.rows(sql.select(BALLOTS).where(BALLOTS.c.id == ballot))
        return rows[0] if rows else None

    def has_vote(self, ballot: str) -> bool:
        query = sql.select(VOTES.c.number).where(VOTES.c.ballot == ballot)
        return bool(self._database.rows(query))

    def cast(self, ballot: str, choice: Choice) -> Vote:
        """Count a vote. Raises RefusedVote when the ballot is unknown or already voted on."""
        if choice not in CHOICES:
            raise RefusedVote(
                f"{str(choice)[:40]!r} is no choice. Choose one of {', '.join(CHOICES)}."
            )
        ballot_row = self.ballot(ballot)
        if ballot_row is None:
            raise RefusedVote("This ballot was never handed out. Reload the page for a fresh one.")
        row = {name: ballot_row[name] for name in VOTES.c.keys() if name in ballot_row}
        row |= {"ballot": ballot, "choice": choice, "cast_at": _now()}
        try:
            with self._database.connection() as connection:
                connection.execute(sql.insert(VOTES).values(row))
        except IntegrityError as error:
            raise RefusedVote("This pair has your vote already; the first one counts.") from error
        return Vote(**row, pair=ballot_row["pair"])

    def votes(self) -> list[Vote]:
        """Every vote, in the order they were cast."""
        columns = [column for column in VOTES.c if column.name != "number"]
        query = sql.select(*columns, BALLOTS.c.pair).join(BALLOTS, VOTES.c.ballot == BALLOTS.c.id)
        rows = self._database.rows(query.order_by(VOTES.c.number))
        return [Vote(**row) for row in rows]

    def ballots_of(self, voter: str) -> Sequence[Mapping[str, Any]]:
        """This voter's ballots, oldest first; `choice` is None while a ballot is open."""
        with_votes = sql.select(BALLOTS, VOTES.c.choice).outerjoin(VOTES, _is_on_ballot())
        query = with_votes.where(BALLOTS.c.voter == voter)
        return self._database.rows(query.order_by(BALLOTS.c.issued_at))

    def side_counts(self) -> Sequence[Mapping[str, Any]]:
        """How many `ballots` each pair had with each model on the left, and how many `votes` those
        got.
        """
        side = BALLOTS.c.pair, BALLOTS.c.left_model
        ballots = sql.func.count(BALLOTS.c.id).label("ballots")
        votes = sql.func.count(VOTES.c.ballot).label("votes")
        counts = sql.select(*side, ballots, votes).outerjoin(VOTES, _is_on_ballot())
        return self._database.rows(counts.group_by(*side))

    def close(self) -> None:
        self._database.close()


@cache
def open_ledger(url: str) -> Ledger:
    """The one ledger of this process at `url`. Raises EngineError where it cannot be opened."""
    return Ledger(url)


def forget_ledgers() -> None:
    """Open them anew: a run's folder has another name, or is gone, and its old name may be given
    again.
    """
    open_ledger.cache_clear()


def _is_on_ballot() -> sql.ColumnElement[bool]:
    return VOTES.c.ballot == BALLOTS.c.id


def _check_length(column: sql.Column[Any], value: object) -> None:
    most = getattr(column.type, "length", None)
    if most is not None and isinstance(value, str) and len(value) > most:
        raise RefusedVote(
            f"A {column.name} of {len(value):,} letters is not stored; {most} at most. "
            "Reload the page for a fresh one."
        )


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
