"""The one writing connection to the analytics database, and what to do when the file is broken.

Used by the recorder's writer thread only. Opening is lazy and repeated after a fault, so that
recording goes on by itself when the disk has space again, a lock is gone or a file was deleted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from sqlalchemy import Connection, bindparam, delete, insert, select, text, update
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError

from analytics.call_rows import Row
from analytics.migrations import ForeignDatabase, migrate
from analytics.rows import RunFacts
from analytics.schema import llm_call, run, schema_meta, step
from core.database import Database, set_aside
from core.errors import StorageError

Result = TypeVar("Result")
_BROKEN = ("malformed", "not a database", "no such table", "no such column", "has no column")


class BadRows(Exception):
    """The database refuses these rows and always will: not a fault of the storage."""


def database_url(path_or_url: str | Path) -> str:
    """A SQLAlchemy URL; a path becomes SQLite's."""
    given = str(path_or_url)
    return given if "://" in given else f"sqlite:///{given}"


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite URL; None for another database."""
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


class AnalyticsStore:
    """`write` opens what it needs. Raises StorageError (try again later) or BadRows."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.data_version = 0
        self.incident: str | None = None
        """The last time a file had to be given up, in a sentence."""
        self._database: Database | None = None
        self._file: tuple[int, int] | None = None
        self._since_us = time.time_ns() // 1000

    def open(self) -> None:
        """Makes or upgrades the file unless it is open; sets a broken one aside, once."""
        self._notice_deleted()
        if self._database is not None:
            return
        try:
            self._database = self._connect()
        except StorageError as exc:
            if not _is_broken(exc):
                raise
            self._give_up_file(exc)
            self._database = self._connect()
        self._file = _identity(self._database.path)

    def write(self, running: Sequence[Row], finished: Sequence[RunFacts]) -> int:
        """One transaction; earlier rows of the same runs are replaced. Returns the rows written."""
        self.open()
        assert self._database is not None
        steps = [row for facts in finished for row in facts.steps]
        calls = [row for facts in finished for row in facts.calls]
        runs = [facts.run for facts in finished]
        try:
            with self._database.write() as connection:
                _forget(connection, [row["run_id"] for row in (*running, *runs)])
                # Two inserts into `run`: rows of one executemany must have the same columns.
                for table, rows in ((run, running), (run, runs), (step, steps), (llm_call, calls)):
                    if rows:
                        connection.execute(insert(table), rows)
                version = _next_version(connection)
        except StorageError as exc:
            if isinstance(exc.__cause__, (IntegrityError, DataError, InterfaceError)):
                raise BadRows(str(exc)) from exc
            if _is_broken(exc):
                self._give_up_file(exc)
            raise
        except (OverflowError, TypeError, ValueError) as exc:  # a value the driver cannot bind
            raise BadRows(str(exc)) from exc
        self.data_version = version
        return len(running) + len(runs) + len(steps) + len(calls)

    def run(self, work: Callable[[Connection], Result]) -> Result:
        """Any other change, in one transaction. Raises StorageError."""
        self.open()
        assert self._database is not None
        try:
            with self._database.write() as connection:
                result = work(connection)
                version = _next_version(connection)
        except StorageError as exc:
            if _is_broken(exc):
                self._give_up_file(exc)
            raise
        self.data_version = version
        return result

    def size_bytes(self) -> int | None:
        """Size on disk; None when it is not a file or there is none yet."""
        try:
            database = self._database
            return database.size_bytes() if database else None
        except OSError:
            return None

    def close(self) -> None:
        """Idempotent."""
        if self._database is not None:
            self._database.close()
        self._database = self._file = None

    def _connect(self) -> Database:
        database = Database(self.url)
        try:
            with database.write() as connection:
                migrate(connection, first_data_version=time.time_ns() // 1_000_000)
                _mark_lost(connection, self._since_us)
                self.data_version = _next_version(connection)
        except BaseException:
            database.close()
            raise
        return database

    def _notice_deleted(self) -> None:
        """SQLite goes on writing into a file that was deleted; nobody would ever read it."""
        if self._database is None or self._database.path is None:
            return
        if _identity(self._database.path) != self._file:
            self.incident = f"{self._database.path.name} was deleted; a new one was started."
            self.close()

    def _give_up_file(self, reason: StorageError) -> None:
        path = sqlite_file(self.url)
        self.close()
        if path is None or not path.exists():
            return
        try:
            kept = set_aside(path)
        except OSError as exc:
            raise StorageError(f"{path} is damaged and cannot be moved away: {exc}.") from reason
        self.incident = (
            f"{path.name} was damaged and is kept as {kept.name}; a new one was started."
        )


def _forget(connection: Connection, run_ids: Sequence[object]) -> None:
    keys = [{"key": run_id} for run_id in run_ids]
    if keys:
        for table in (run, step, llm_call):
            connection.execute(delete(table).where(table.c.run_id == bindparam("key")), keys)


def _next_version(connection: Connection) -> int:
    row = schema_meta.c.name == "data_version"
    connection.execute(update(schema_meta).where(row).values(value=schema_meta.c.value + 1))
    return int(connection.execute(select(schema_meta.c.value).where(row)).scalar_one())


def _mark_lost(connection: Connection, before_us: int) -> None:
    """Runs that a killed process left running. Not those of this process after a reopening."""
    connection.execute(
        update(run)
        .where(run.c.status == "running", run.c.started_at_us < before_us)
        # Says again what the partial index on `status` is limited to: SQLite compares literally.
        .where(text("status <> 'ok'"))
        .values(status="lost", error_type="process_lost")
    )


def _is_broken(exc: StorageError) -> bool:
    """Damage of the file itself. A healthy database of another program is never moved."""
    if isinstance(exc, ForeignDatabase):
        return False
    reason = str(exc.__cause__ or exc).lower()
    return any(word in reason for word in _BROKEN)


def _identity(path: Path | None) -> tuple[int, int] | None:
    try:
        found = path.stat() if path is not None else None
    except OSError:
        return None
    return (found.st_dev, found.st_ino) if found else None
