"""Read-only, time-limited access to the analytics database.

A missing or empty database has no rows; a broken one raises StorageError with a sentence for people.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import numpy.typing as npt
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Engine,
    Executable,
    Row,
    Select,
    Text,
    cast,
    create_engine,
    event,
    func,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool

from analytics.metrics import NONE, Ints
from analytics.store import database_url, sqlite_file
from core.database import storage_error
from core.errors import StorageError

_NO_TABLES = ("no such table", "does not exist")
_SEPARATOR = "\x1f"
_TICK = 20_000  # SQLite instructions between two looks at the clock: about a millisecond


@dataclass(frozen=True, slots=True)
class Labels:
    """A text column: `names[codes[i]]` is the value of row i; None is NULL."""

    codes: npt.NDArray[np.intp]
    names: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of one statement, row by row aligned. Integers are -1 where the value is NULL."""

    n: int
    ints: Mapping[str, Ints]
    texts: Mapping[str, Labels]


class Reader:
    """Safe from any thread. Opens nothing until asked."""

    def __init__(self, path_or_url: str | Path, *, time_limit_s: float = 10.0) -> None:
        self._url = database_url(path_or_url)
        self._path = sqlite_file(self._url)
        self._time_limit_s = time_limit_s
        self._engine = self._make_engine()
        self._file: tuple[int, int] | None = None

    def rows(self, statement: Select[Any]) -> list[dict[str, Any]]:
        """The rows as dictionaries."""
        return [dict(row._mapping) for row in self._fetch(statement)]

    def columns(
        self,
        statement: Select[Any],
        ints: Mapping[str, ColumnElement[Any]],
        texts: Mapping[str, ColumnElement[Any]],
    ) -> Columns:
        """Columns of the rows that a statement selects, as arrays.

        Each column travels as one string, joined by the database and parsed by numpy: no Python
        object per value (100,000 rows of three columns: 46 ms, against 82 for plain fetching).
        """
        columns = [func.coalesce(cast(c, BigInteger), NONE) for c in ints.values()] + [
            # A name with the separator in it would shift every row after it.
            func.replace(func.coalesce(c, ""), _SEPARATOR, " ")
            for c in texts.values()
        ]
        joined = [func.aggregate_strings(cast(c, Text), _SEPARATOR) for c in columns]
        found = self._fetch(
            statement.with_only_columns(func.count(), *joined, maintain_column_froms=True)
        )
        count = int(found[0][0]) if found else 0
        strings = list(found[0][1:]) if count else [""] * len(columns)
        return Columns(
            count,
            {name: _ints(s, count) for name, s in zip(ints, strings, strict=False)},
            {name: _labels(s, count) for name, s in zip(texts, strings[len(ints) :], strict=True)},
        )

    def close(self) -> None:
        """Idempotent; a later question opens again."""
        self._engine.dispose()

    def _fetch(self, statement: Executable) -> Sequence[Row[Any]]:
        if self._path is not None and not self._still_there(self._path):
            return []
        try:
            with self._engine.connect() as connection:
                self._set_deadline(connection)
                return connection.execute(statement).all()
        except (DBAPIError, sqlite3.Error) as exc:
            if any(words in str(exc).lower() for words in _NO_TABLES):
                return []  # the file was made and nothing recorded yet
            raise self._sentence(exc) from exc

    def _still_there(self, path: Path) -> bool:
        """Whether the file exists; lets go of one that was deleted or replaced."""
        try:
            found = path.stat()
        except OSError:
            return False
        if self._file != (found.st_dev, found.st_ino):
            self._engine.dispose()
            self._file = (found.st_dev, found.st_ino)
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
            return create_engine(self._url, execution_options={"postgresql_readonly": True})
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


def _ints(joined: str, count: int) -> Ints:
    values = np.fromstring(joined, dtype=np.int64, sep=_SEPARATOR) if count else _NOTHING
    assert len(values) == count, "a column was read in part"
    return values


def _labels(joined: str, count: int) -> Labels:
    values = joined.split(_SEPARATOR) if count else []
    assert len(values) == count, "a column was read in part"
    codes = {value: k for k, value in enumerate(dict.fromkeys(values))}
    coded = np.fromiter(map(codes.__getitem__, values), dtype=np.intp, count=count)
    return Labels(coded, tuple(value or None for value in codes))


_NOTHING: Ints = np.empty(0, dtype=np.int64)
