"""The one writing connection to the analytics database, and what to do when the file is broken.

Used by the recorder's writer thread only. Opening is lazy and repeated after a fault, so that
recording goes on by itself when the disk has space again, a lock is gone or a file was deleted.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from sqlalchemy import ColumnElement, Connection, bindparam, delete, insert, select, text, update
from sqlalchemy.exc import DataError, IntegrityError, InterfaceError

from analytics.blocks import Folder, touch
from analytics.call_rows import Row
from analytics.documents import count_found
from analytics.migrations import ForeignDatabase, migrate
from analytics.releases import Releases
from analytics.rows import RunFacts
from analytics.schema import content, llm_call, run, schema_meta, step
from core.database import Database, set_aside, sqlite_file
from core.errors import StorageError

Result = TypeVar("Result")
FOLD_S = 0.1
_BROKEN = ("malformed", "not a database", "no such table", "no such column", "has no column")


class BadRows(Exception):
    """The database refuses these rows and always will: not a fault of the storage."""


class AnalyticsStore:
    """`write` opens what it needs. Raises StorageError (try again later) or BadRows."""

    def __init__(self, url: str, timezone: str = "UTC") -> None:
        """`timezone`: of the hours and days that are made ready; should be that of the readers."""
        self.url = url
        self._timezone = timezone
        self._folder = Folder(timezone)
        self._releases = Releases()
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
        words = [row for facts in finished for row in facts.content]
        try:
            with self._database.write() as connection:
                count_found(connection, finished)  # it looks at what is stored: before it goes
                _forget(connection, [row["run_id"] for row in (*running, *runs)])
                new_versions = self._releases.mark(connection, runs)  # before these runs are in
                touch(connection, _began(running, runs, steps, calls))
                # Two inserts into `run`: rows of one executemany must have the same columns.
                for table, rows in ((run, running), (run, runs), (step, steps), (llm_call, calls), (content, words)):  # fmt: skip
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
        self._releases.known |= new_versions
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

    def fold(self) -> bool:
        """Makes figures ready for about a tenth of a second. False when nothing waits."""
        self.open()
        assert self._database is not None
        until, done = time.monotonic() + FOLD_S, 1
        try:
            with self._database.write() as connection:
                while done and time.monotonic() < until:
                    done = self._folder.step(connection, time.time_ns() // 1000)
        except BaseException as exc:
            self._folder.failed()
            if isinstance(exc, StorageError) and _is_broken(exc):
                self._give_up_file(exc)
            raise
        return bool(done)

    def give_up_run(self, run_id: str) -> None:
        """Says of a run that ended and cannot be stored that it is lost, not still running."""
        self.run(lambda connection: _lose(connection, run.c.run_id == run_id, "not_stored"))

    def maintain(self, pages: int | None = None) -> int:
        """Gives up to `pages` unused pages back to the disk; None writes the whole file anew.

        Then empties the write-ahead log. Returns how many unused pages are left. Neither can be
        part of a transaction, and nothing that readers could see changes. None needs the size of
        the file again in free space, and about 10 s of processor time per GB.
        """
        self.open()
        assert self._database is not None
        if self._database.path is None:
            return 0
        what = "VACUUM" if pages is None else f"PRAGMA incremental_vacuum({int(pages)})"
        with self._database.write() as connection:
            raw = connection.connection.driver_connection
            assert raw is not None
            raw.execute("COMMIT")
            # `execute` would stop after the first page that is freed.
            raw.executescript(f"{what}; BEGIN IMMEDIATE")
            left = int(connection.exec_driver_sql("PRAGMA freelist_count").scalar_one())
        self._database.empty_log()
        return left

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
        self._folder, self._releases = Folder(self._timezone), Releases()
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


def _began(*tables: Sequence[Row]) -> set[int]:
    return {int(row["started_at_us"] or 0) for rows in tables for row in rows}


def _forget(connection: Connection, run_ids: Sequence[object]) -> None:
    keys = [{"key": run_id} for run_id in run_ids]
    if keys:
        for table in (run, step, llm_call, content):
            connection.execute(delete(table).where(table.c.run_id == bindparam("key")), keys)


def _next_version(connection: Connection) -> int:
    row = schema_meta.c.name == "data_version"
    connection.execute(update(schema_meta).where(row).values(value=schema_meta.c.value + 1))
    return int(connection.execute(select(schema_meta.c.value).where(row)).scalar_one())


def _mark_lost(connection: Connection, before_us: int) -> None:
    """Runs that a killed process left running. Not those of this process after a reopening."""
    _lose(connection, run.c.started_at_us < before_us, "process_lost")


def _lose(connection: Connection, condition: ColumnElement[bool], error_type: str) -> None:
    # Says again what the partial index on `status` is limited to: SQLite compares literally.
    lost = run.c.status == "running", text("status <> 'ok'"), condition
    times = connection.execute(select(run.c.started_at_us).where(*lost)).scalars().all()
    if times:
        values = {"status": "lost", "error_type": error_type, "slo_met": 0}
        connection.execute(update(run).where(*lost).values(**values))
        touch(connection, times)


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
