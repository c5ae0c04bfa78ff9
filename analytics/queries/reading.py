"""Read-only, time-limited access to the analytics database.

A missing or empty database has no rows; a broken one raises StorageError with a sentence for people.
"""

from __future__ import annotations

import contextlib
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

from core.database import database_url, sqlite_file, storage_error
from core.errors import StorageError

_NO_TABLES = ("no such table", "does not exist")
Result = TypeVar("Result")
_TICK = 20_000  # SQLite instructions between two looks at the clock: about a millisecond


class Reader:
    """Safe from any thread. Opens nothing until asked."""

    def __init__(self, path_or_url: str | Path, *, time_limit_s: float = 10.0) -> None:
        self._url = database_url(path_or_url)
        self._path = sqlite_file(self._url)
        self._time_limit_s = time_limit_s
        self._engine = self._make_engine()
        self._file: tuple[int, int] | None = None
        self.generation = 0
        """Grows when the file is another one than before."""

    def rows(self, statement: Select[Any]) -> list[dict[str, Any]]:
        """The rows as dictionaries."""
        return [dict(row._mapping) for row in self._fetch(statement)]

    def snapshot(self, work: Callable[[Connection], Result], nothing: Result) -> Result:
        """Several statements about one moment. `nothing` when there is no database yet."""
        if self._path is not None and not self._still_there(self._path):
            return nothing
        try:
            with self._engine.connect() as connection:
                self._set_deadline(connection)
                with self._one_moment(connection):
                    return work(connection)
        except (DBAPIError, sqlite3.Error) as exc:
            if any(words in str(exc).lower() for words in _NO_TABLES):
                return nothing  # the file was made and nothing recorded yet
            raise self._sentence(exc) from exc

    def close(self) -> None:
        """Idempotent; a later question opens again."""
        self._engine.dispose()

    def _fetch(self, statement: Executable) -> Sequence[Row[Any]]:
        nothing: Sequence[Row[Any]] = []
        return self.snapshot(lambda connection: connection.execute(statement).all(), nothing)

    @contextlib.contextmanager
    def _one_moment(self, connection: Connection) -> Iterator[None]:
        if self._path is None:
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
        if self._file != (found.st_dev, found.st_ino):
            self._engine.dispose()
            self._file = (found.st_dev, found.st_ino)
            self.generation += 1
        return found.st_size > 0

    def _set_deadline(self, connection: Connection) -> None:
        raw = connection.connection.driver_connection
        if isinstance(raw, sqlite3.Connection):
            until = time.monotonic() + self._time_limit_s
            raw.set_progress_handler(lambda: time.monotonic() > until, _TICK)

    def _sentence(self, exc: Exception) -> StorageError:
        reason = str(getattr(exc, "orig", exc)).lower()
        where = str(self._path) if self._path else "the analytics database"
        if "interrupted" in reason:
            return StorageError(
                f"The figures could not be read within {self._time_limit_s:.0f} seconds.",
                what_to_do="Choose a shorter range or a narrower filter.",
            )
        if "unable to open" in reason:
            return StorageError(
                f"{where} cannot be opened for reading.",
                what_to_do="Give the user that runs Switchboard the right to read and write there.",
            )
        return storage_error(exc, where)

    def _make_engine(self) -> Engine:
        if self._path is None:
            return create_engine(
                self._url,
                isolation_level="REPEATABLE READ",
                execution_options={"postgresql_readonly": True},
            )
        # mode=ro: SQLite itself refuses writes, and a reader never checkpoints the log.
        uri = f"file:{quote(str(self._path.absolute()))}?mode=ro"
        engine = create_engine(
            "sqlite://",
            creator=lambda: sqlite3.connect(uri, uri=True, timeout=5.0, check_same_thread=False),
            poolclass=QueuePool,
        )

        @event.listens_for(engine, "connect")
        def _configure(connection: sqlite3.Connection, _record: object) -> None:
            connection.execute("PRAGMA query_only=ON")

        return engine
