"""Read-only, time-limited access to the analytics database.

A missing or empty database has no rows; a broken one raises StorageError with a sentence for people.
A reader of one person (`Reader.of`) finds only that person's rows, whatever statement it is given:
see own_rows.py.
"""

from __future__ import annotations

import contextlib
import copy
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from sqlalchemy import (
    Connection,
    Engine,
    Executable,
    Row,
    Select,
    create_engine,
    event,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from analytics.queries import own_rows
from core.database import database_url, sqlite_file, storage_error
from core.errors import StorageError

_NO_TABLES = ("no such table", "does not exist")
Result = TypeVar("Result")
_TICK = 20_000  # SQLite instructions between two looks at the clock: about a millisecond


class _Place:
    """The database and its connections: those that see every row, and those of single people."""

    def __init__(self, path_or_url: str | Path, time_limit_s: float) -> None:
        self.url = database_url(path_or_url)
        self.path = sqlite_file(self.url)
        self.time_limit_s = time_limit_s
        self.everybody = self._make_engine()
        self.one_person = self._make_engine()
        event.listen(self.one_person, "connect", own_rows.stand_before_tables)
        self.file: tuple[int, int] | None = None
        self.generation = 0

    def dispose(self) -> None:
        self.everybody.dispose()
        self.one_person.dispose()

    def _make_engine(self) -> Engine:
        if self.path is None:
            return create_engine(
                self.url,
                isolation_level="REPEATABLE READ",
                execution_options={"postgresql_readonly": True},
            )
        # mode=ro: SQLite itself refuses writes, and a reader never checkpoints the log.
        uri = f"file:{quote(str(self.path.absolute()))}?mode=ro"
        engine = create_engine(
            "sqlite://",
            creator=lambda: sqlite3.connect(uri, uri=True, timeout=5.0, check_same_thread=False),
            poolclass=QueuePool,
        )
        # Temporary views are made when a connection is; on one that only queries there can be none.
        event.listen(engine, "checkout", _only_query)
        return engine


def _only_query(connection: sqlite3.Connection, *_: object) -> None:
    connection.execute("PRAGMA query_only=ON")


class Reader:
    """Safe from any thread. Opens nothing until asked."""

    def __init__(self, path_or_url: str | Path, *, time_limit_s: float = 10.0) -> None:
        self._place = _Place(path_or_url, time_limit_s)
        self.owner: str | None = None
        """Whose rows it finds; None: everybody's."""

    def of(self, owner: str) -> Reader:
        """The same database with the rows of one person only. Nothing it returns widens it again."""
        if self.owner not in (None, owner):
            raise ValueError("a reader of one person cannot become another person's")
        narrow = copy.copy(self)
        narrow.owner = owner
        return narrow

    @property
    def generation(self) -> int:
        """Grows when the file is another one than before."""
        return self._place.generation

    def rows(self, statement: Select[Any]) -> list[dict[str, Any]]:
        """The rows as dictionaries."""
        return [dict(row._mapping) for row in self._fetch(statement)]

    def snapshot(self, work: Callable[[Connection], Result], nothing: Result) -> Result:
        """Several statements about one moment. `nothing` when there is no database yet."""
        place = self._place
        if place.path is not None and not self._still_there(place.path):
            return nothing
        engine = place.everybody if self.owner is None else place.one_person
        try:
            with engine.connect() as connection:
                self._set_deadline(connection)
                with self._one_moment(connection):
                    if self.owner is not None:
                        own_rows.look_as(connection, self.owner)
                    return work(connection)
        except (DBAPIError, sqlite3.Error) as exc:
            if any(words in str(exc).lower() for words in _NO_TABLES):
                return nothing  # the file was made and nothing recorded yet
            raise self._sentence(exc) from exc

    def close(self) -> None:
        """Idempotent; a later question opens again."""
        self._place.dispose()

    def _fetch(self, statement: Executable) -> Sequence[Row[Any]]:
        nothing: Sequence[Row[Any]] = []
        return self.snapshot(lambda connection: connection.execute(statement).all(), nothing)

    @contextlib.contextmanager
    def _one_moment(self, connection: Connection) -> Iterator[None]:
        if self._place.path is None:
            yield  # the engine's isolation level is REPEATABLE READ
            return
        connection.exec_driver_sql("BEGIN")
        try:
            yield
        finally:
            connection.exec_driver_sql("ROLLBACK")

    def _still_there(self, path: Path) -> bool:
        """Whether the file exists; lets go of one that was deleted or replaced."""
        try:
            found = path.stat()
        except OSError:
            return False
        if self._place.file != (found.st_dev, found.st_ino):
            self._place.dispose()
            self._place.file = (found.st_dev, found.st_ino)
            self._place.generation += 1
        return found.st_size > 0

    def _set_deadline(self, connection: Connection) -> None:
        raw = connection.connection.driver_connection
        if isinstance(raw, sqlite3.Connection):
            until = time.monotonic() + self._place.time_limit_s
            raw.set_progress_handler(lambda: time.monotonic() > until, _TICK)

    def _sentence(self, exc: Exception) -> StorageError:
        reason = str(getattr(exc, "orig", exc)).lower()
        where = str(self._place.path) if self._place.path else "the analytics database"
        if "interrupted" in reason:
            return StorageError(
                f"The figures could not be read within {self._place.time_limit_s:.0f} seconds.",
                what_to_do="Choose a shorter range or a narrower filter.",
            )
        if "unable to open" in reason:
            return StorageError(
                f"{where} cannot be opened for reading.",
                what_to_do="Give the user that runs Switchboard the right to read and write there.",
            )
        return storage_error(exc, where)
