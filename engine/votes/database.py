"""A database of votes behind an SQLAlchemy URL, made when it is missing. Whatever fails in it is
said with a remedy.
"""

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy.exc import ArgumentError, IntegrityError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from engine.core.errors import EngineError
from engine.votes.schema import SCHEMA

BUSY_SECONDS = 10
MOST_ATTEMPTS = 3
"""To make the tables, while another process may be making them, too."""
PAUSE_SECONDS = 0.2
OPENING_ERRORS = (SQLAlchemyError, ArgumentError, NoSuchModuleError, ImportError, OSError)
IN_MEMORY = (None, "", ":memory:")


class Database:
    """Every statement is a transaction by itself, and each is enough."""

    def __init__(self, url: str) -> None:
        """Opens `url`, such as `sqlite:///runs/demo/votes.db`, and makes its tables. Raises
        EngineError.
        """
        try:
            self._file = _file_of(url)
            self._engine = _engine(url, bool(self._file))
            self._create()
        except OPENING_ERRORS as error:
            raise EngineError(
                f"The votes cannot be kept at {_hide_password(url)}: {_first_line(error)}. "
                "Move a damaged file away, or set SELMA_VOTES to another address."
            ) from error

    @contextmanager
    def connection(self) -> Iterator[sql.Connection]:
        """Raises EngineError when the database does not answer, or its disk is full; IntegrityError
        as it is.
        """
        try:
            if self._file and not self._file.exists():  # deleted with its run since
                self._create()
            with self._engine.connect() as connection:
                yield connection
        except IntegrityError:
            raise
        except (SQLAlchemyError, OSError) as error:
            raise EngineError(
                f"The votes cannot be read or written: {_first_line(error)}. Free some space, or "
                "see to the database, and vote again."
            ) from error

    def rows(self, query: sql.Select) -> Sequence[Mapping[str, Any]]:
        """What a query finds, values by column."""
        with self.connection() as connection:
            return list(map(dict, connection.execute(query).mappings()))

    def close(self) -> None:
        self._engine.dispose()

    def _create(self) -> None:
        """Make the tables that are missing; of two that start at once the slower looks again."""
        if self._file:
            self._file.parent.mkdir(parents=True, exist_ok=True)
        for attempt in range(1, MOST_ATTEMPTS + 1):
            try:
                return SCHEMA.create_all(self._engine)
            except SQLAlchemyError:
                if attempt == MOST_ATTEMPTS:
                    raise
                time.sleep(PAUSE_SECONDS)


def _engine(url: str, is_file: bool) -> sql.Engine:
    options: dict[str, Any] = {"isolation_level": "AUTOCOMMIT"}
    if is_file:  # a kept connection would write into a file that is gone
        options["poolclass"] = NullPool
    if not url.startswith("sqlite"):
        return sql.create_engine(url, **options)
    engine = sql.create_engine(url, connect_args={"timeout": BUSY_SECONDS}, **options)
    sql.event.listen(engine, "connect", _prepare_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _: Any) -> None:
    """Readers beside a writer (WAL); nothing is acknowledged before it is on the disk; foreign keys
    hold.
    """
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _file_of(url: str) -> Path | None:
    """The file of an SQLite database; None where it is in memory or another kind."""
    parsed = sql.make_url(url)
    if parsed.get_backend_name() != "sqlite" or parsed.database in IN_MEMORY:
        return None
    return Path(str(parsed.database))


def _hide_password(url: str) -> str:
    return re.sub(r":[^:@/]*@", ":***@", url)


def _first_line(error: Exception) -> str:
    reason = getattr(error, "orig", None) or error
    text = str(reason).strip() or type(error).__name__
    return text.splitlines()[0].rstrip(".")
