"""The two tables of the votes, and the rules that the database itself holds."""

from typing import Any, Literal, get_args

import sqlalchemy as sql

Choice = Literal["left", "right", "tie", "both bad"]
CHOICES: tuple[Choice, ...] = get_args(Choice)
BALLOT_LENGTH = VOTER_LENGTH = 43
"""Letters: 256 bits in base 64. Longer ones are never stored, whoever sends them."""


def _text(name: str, length: int | None = None) -> sql.Column[Any]:
    kind = sql.Text() if length is None else sql.String(length)
    return sql.Column(name, kind, nullable=False)


def _pair() -> list[sql.Column[Any]]:
    """What a voter sees and what it hides: the prompt, and the model and seed of each side."""
    return [
        _text("prompt_id"),
        _text("prompt"),
        _text("left_model"),
        _text("right_model"),
        sql.Column("left_seed", sql.BigInteger, nullable=False),
        sql.Column("right_seed", sql.BigInteger, nullable=False),
    ]


def _ballot_of_vote() -> sql.Column[Any]:
    """One vote for each ballot."""
    of_ballot = sql.ForeignKey("ballots.id")
    kind = sql.String(BALLOT_LENGTH)
    return sql.Column("ballot", kind, of_ballot, nullable=False, unique=True)


def _choice() -> sql.Column[Any]:
    is_offered = sql.CheckConstraint(f"choice IN {CHOICES}")
    return sql.Column("choice", sql.String(8), is_offered, nullable=False)


SCHEMA = sql.MetaData()
ONE_BALLOT_PER_PAIR = sql.UniqueConstraint("voter", "pair")
BALLOTS = sql.Table(
    "ballots",
    SCHEMA,
    sql.Column("id", sql.String(BALLOT_LENGTH), primary_key=True),
    _text("voter", VOTER_LENGTH),
    _text("pair", 64),
    *_pair(),
    _text("issued_at", 32),
    ONE_BALLOT_PER_PAIR,
)
VOTES = sql.Table(
    "votes",
    SCHEMA,
    sql.Column("number", sql.Integer, primary_key=True, autoincrement=True),
    _ballot_of_vote(),
    _text("voter", VOTER_LENGTH),
    _choice(),
    *_pair(),
    _text("cast_at", 32),
)


def _refuse(change: str) -> None:
    """Let SQLite refuse any change to a vote that was cast."""
    trigger = sql.DDL(
        f"CREATE TRIGGER votes_no_{change.lower()} BEFORE {change} ON votes "
        "BEGIN SELECT RAISE(ABORT, 'votes are append-only'); END"
    )
    sql.event.listen(VOTES, "after_create", trigger.execute_if(dialect="sqlite"))


_refuse("UPDATE")
_refuse("DELETE")
