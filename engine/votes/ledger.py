"""What was handed out and what was chosen, in SQLite or behind any other SQLAlchemy URL.

A ballot is handed out once; a vote is a row that nothing changes afterwards. That a pair is asked
once a voter and a ballot counts once are the database's own constraints: two pages, two processes
or two servers cannot get round them.
"""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

import sqlalchemy as sql
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from engine.core.errors import EngineError

Choice = Literal["left", "right", "tie", "both bad"]
CHOICES: tuple[Choice, ...] = get_args(Choice)
BUSY_SECONDS = 10
BALLOT_LENGTH = VOTER_LENGTH = 43
"""Letters: 256 bits in base 64. Longer ones are never stored, whoever sends them."""
BALLOT_ID = re.compile(rf"[A-Za-z0-9_-]{{1,{BALLOT_LENGTH}}}")


def _shown() -> list[sql.Column[Any]]:
    """What a voter sees and what it hides: the prompt, and the model and seed of each side."""
    return [
        sql.Column("prompt_id", sql.Text, nullable=False),
        sql.Column("prompt", sql.Text, nullable=False),
        sql.Column("left_model", sql.Text, nullable=False),
        sql.Column("right_model", sql.Text, nullable=False),
        sql.Column("left_seed", sql.BigInteger, nullable=False),
        sql.Column("right_seed", sql.BigInteger, nullable=False),
    ]


SCHEMA = sql.MetaData()
BALLOTS = sql.Table(
    "ballots",
    SCHEMA,
    sql.Column("id", sql.String(BALLOT_LENGTH), primary_key=True),
    sql.Column("voter", sql.String(VOTER_LENGTH), nullable=False),
    sql.Column("pair", sql.String(64), nullable=False),
    *_shown(),
    sql.Column("issued_at", sql.String(32), nullable=False),
    sql.UniqueConstraint("voter", "pair"),
)
VOTES = sql.Table(
    "votes",
    SCHEMA,
    sql.Column("number", sql.Integer, primary_key=True, autoincrement=True),
    sql.Column(
        "ballot",
        sql.String(BALLOT_LENGTH),
        sql.ForeignKey("ballots.id"),
        nullable=False,
        unique=True,
    ),
    sql.Column("voter", sql.String(VOTER_LENGTH), nullable=False),
    sql.Column(
        "choice", sql.String(8), sql.CheckConstraint(f"choice IN {CHOICES}"), nullable=False
    ),
    *_shown(),
    sql.Column("cast_at", sql.String(32), nullable=False),
)
for change in ("UPDATE", "DELETE"):
    sql.event.listen(
        VOTES,
        "after_create",
        sql.DDL(
            f"CREATE TRIGGER votes_no_{change.lower()} BEFORE {change} ON votes "
            "BEGIN SELECT RAISE(ABORT, 'votes are append-only'); END"
        ).execute_if(dialect="sqlite"),
    )


class Refused(EngineError):
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
    """The votes of one run. Every statement is a transaction of its own, and each is enough by
    itself.
    """

    def __init__(self, url: str) -> None:
        """Opens `url`, such as `sqlite:///runs/demo/votes.db`, and makes its tables. Raises
        EngineError.
        """
        try:
            self._file, is_sqlite = _file_of(url), url.startswith("sqlite")
            self._engine = sql.create_engine(
                url,
                isolation_level="AUTOCOMMIT",
                connect_args={"timeout": BUSY_SECONDS} if is_sqlite else {},
                poolclass=NullPool if self._file else None,
            )  # a kept connection would write into a file that is gone
            if is_sqlite:
                sql.event.listen(self._engine, "connect", _prepare_sqlite)
            self._create()
        except (SQLAlchemyError, ArgumentError, NoSuchModuleError, ImportError, OSError) as error:
            raise EngineError(
                f"The votes cannot be kept at {_without_password(url)}: {_first_line(error)}. "
                "Move a damaged file away, or set SELMA_VOTES to another address."
            ) from error

    def issue(self, ballot: Mapping[str, Any]) -> bool:
        """Record a ballot, values by column; False when this voter already has one for the pair.

        Raises Refused for a value longer than its column, which SQLite would store whole.
        """
        for column in BALLOTS.c:
            _check_length(column, ballot.get(column.name))
        try:
            with self._connected() as database:
                database.execute(sql.insert(BALLOTS).values(**ballot, issued_at=_now()))
        except IntegrityError:
            return False
        return True

    def ballot(self, ballot: str) -> Mapping[str, Any] | None:
        """What was handed out under this id, values by column; None when nothing was."""
        if not isinstance(ballot, str) or not BALLOT_ID.fullmatch(ballot):
            return None
        return next(iter(self._rows(sql.select(BALLOTS).where(BALLOTS.c.id == ballot))), None)

    def has_vote(self, ballot: str) -> bool:
        return bool(self._rows(sql.select(VOTES.c.number).where(VOTES.c.ballot == ballot)))

    def cast(self, ballot: str, choice: Choice) -> Vote:
        """Count a vote. Raises Refused when the ballot is unknown or already voted on."""
        if choice not in CHOICES:
            raise Refused(f"{str(choice)[:40]!r} is no choice. Choose one of {', '.join(CHOICES)}.")
        issued = self.ballot(ballot)
        if issued is None:
            raise Refused("This ballot was never handed out. Reload the page for a fresh one.")
        with self._connected() as database:
            shared = {c.name: issued[c.name] for c in VOTES.c if c.name in BALLOTS.c}
            vote = Vote(ballot=ballot, pair=issued["pair"], choice=choice, cast_at=_now(), **shared)
            try:
                database.execute(
                    sql.insert(VOTES).values(
                        {name: value for name, value in vars(vote).items() if name in VOTES.c}
                    )
                )
            except IntegrityError as error:
                raise Refused("This pair has your vote already; the first one counts.") from error
        return vote

    def votes(self) -> list[Vote]:
        """Every vote, in the order they were cast."""
        columns = [c for c in VOTES.c if c.name != "number"]
        query = sql.select(*columns, BALLOTS.c.pair).join(BALLOTS, VOTES.c.ballot == BALLOTS.c.id)
        return [Vote(**row) for row in self._rows(query.order_by(VOTES.c.number))]

    def issued(self, voter: str) -> Sequence[Mapping[str, Any]]:
        """This voter's ballots, oldest first; `choice` is None while a ballot is open."""
        return self._rows(
            sql.select(BALLOTS, VOTES.c.choice)
            .outerjoin(VOTES, VOTES.c.ballot == BALLOTS.c.id)
            .where(BALLOTS.c.voter == voter)
            .order_by(BALLOTS.c.issued_at)
        )

    def sides(self) -> Sequence[Mapping[str, Any]]:
        """How often each pair was handed out with each model on the left, and how often voted on."""
        return self._rows(
            sql.select(
                BALLOTS.c.pair,
                BALLOTS.c.left_model,
                sql.func.count(BALLOTS.c.id).label("issued"),
                sql.func.count(VOTES.c.ballot).label("voted"),
            )
            .outerjoin(VOTES, VOTES.c.ballot == BALLOTS.c.id)
            .group_by(BALLOTS.c.pair, BALLOTS.c.left_model)
        )

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _connected(self) -> Iterator[sql.Connection]:
        """Raises EngineError when the database does not answer, or its disk is full; IntegrityError
        as it is.
        """
        try:
            if self._file and not self._file.exists():  # deleted with its run since
                self._create()
            with self._engine.connect() as database:
                yield database
        except IntegrityError:
            raise
        except (SQLAlchemyError, OSError) as error:
            raise EngineError(
                f"The votes cannot be read or written: {_first_line(error)}. Free some space, or "
                "see "
                "to the database, and vote again."
            ) from error

    def _rows(self, query: sql.Select) -> Sequence[Mapping[str, Any]]:
        with self._connected() as database:
            return [dict(row) for row in database.execute(query).mappings()]

    def _create(self) -> None:
        """Make the tables that are missing; of two that start at once the slower one looks again."""
        if self._file:
            self._file.parent.mkdir(parents=True, exist_ok=True)
        for last in (False, False, True):
            try:
                return SCHEMA.create_all(self._engine)
            except SQLAlchemyError:
                if last:
                    raise
                time.sleep(0.2)


def _check_length(column: sql.Column[Any], value: object) -> None:
    most = getattr(column.type, "length", None)
    if most is not None and isinstance(value, str) and len(value) > most:
        raise Refused(
            f"A {column.name} of {len(value):,} letters is not stored; {most} at most. "
            "Reload the page for a fresh one."
        )


def _prepare_sqlite(connection: Any, _: Any) -> None:
    """Readers beside a writer (WAL); nothing is acknowledged before it is on the disk; foreign keys
    hold.
    """
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _file_of(url: str) -> Path | None:
    """The file of an SQLite database; None where it is in memory or another kind."""
    parsed = sql.make_url(url)
    is_file = parsed.get_backend_name() == "sqlite" and parsed.database not in (
        None,
        "",
        ":memory:",
    )
    return Path(str(parsed.database)) if is_file else None


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _without_password(url: str) -> str:
    return re.sub(r":[^:@/]*@", ":***@", url)


def _first_line(error: Exception) -> str:
    told = str(getattr(error, "orig", None) or error).strip() or type(error).__name__
    return told.splitlines()[0].rstrip(".")
