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
from analytics.file_watch import FileWatch, log_size
from analytics.incidents import Incident, Kind, count_restored, known, remember
from analytics.migrations import MADE, ForeignDatabase, NewerDatabase, migrate, refuse_foreign
from analytics.releases import Releases
from analytics.rows import RunFacts
from analytics.schema import content, llm_call, run, schema_meta, step
from core.database import Database, in_use, set_aside, sqlite_file, tables_in
from core.errors import StorageError

Result = TypeVar("Result")
FOLD_S = 0.1
_AT_ONCE = 1_000  # bound variables of one statement
_BROKEN = ("malformed", "not a database", "no such table", "no such column", "has no column")


class BadRows(Exception):
    """The database refuses these rows and always will: not a fault of the storage."""


class AnalyticsStore:
    """`write` opens what it needs. Raises StorageError (try again later) or BadRows."""

    def __init__(self, url: str, timezone: str = "UTC", *, own_place: bool = False) -> None:
        """`timezone`: of the hours and days that are made ready; should be that of the readers.

        `own_place`: nobody else has business where the file lies, so that a database of another
        program is moved out of the way there. Elsewhere it is left alone and nothing is recorded.
        """
        self.url = url
        self._own_place = own_place
        self._timezone = timezone
        self._folder = Folder(timezone)
        self._releases = Releases()
        self.data_version = 0
        self.incidents: tuple[Incident, ...] = ()
        """Lost files, newest first; also those that are not written down yet."""
        self._database: Database | None = None
        self._watch: FileWatch | None = None
        self._made: int | None = None
        self._since_us = time.time_ns() // 1000

    def open(self) -> None:
        """Makes or upgrades the file unless it is open; sets a broken one aside, once."""
        self._notice_loss()
        if self._database is not None:
            return
        try:
            self._database = self._connect()
        except StorageError as exc:
            why = self._why_given_up(exc)
            if why is None:
                raise
            self._give_up_file(exc, why)
            self._database = self._connect()
        if self._database.path is not None:
            self._watch = FileWatch(self._database.path, self._made)

    def write(self, running: Sequence[Row], finished: Sequence[RunFacts]) -> int:
        """One transaction; earlier rows of the same runs are replaced. Returns the rows written."""
        written, new_versions = self._write(lambda c: self._insert(c, running, finished))
        self._releases.known |= new_versions
        return written

    def write_missing(
        self, lost: Sequence[Row], finished: Sequence[RunFacts], incident_id: str
    ) -> int:
        """Runs recorded again, without the ones that are there; returns how many were not.

        `lost`: rows of runs whose process ended before them. Raises StorageError or BadRows.
        """

        def work(connection: Connection) -> tuple[int, tuple[Incident, ...]]:
            ids = [str(row["run_id"]) for row in (*lost, *(facts.run for facts in finished))]
            there = stored_of(connection, ids)
            some_lost = [row for row in lost if row["run_id"] not in there]
            some = [facts for facts in finished if facts.run["run_id"] not in there]
            self._insert(connection, some_lost, some)
            count_restored(connection, incident_id, len(some_lost) + len(some))
            return len(some_lost) + len(some), known(connection)

        written, self.incidents = self._write(work)
        return written

    def _write(self, work: Callable[[Connection], Result]) -> Result:
        try:
            return self.run(work)
        except StorageError as exc:
            if isinstance(exc.__cause__, (IntegrityError, DataError, InterfaceError)):
                raise BadRows(str(exc)) from exc
            raise
        except (OverflowError, TypeError, ValueError) as exc:  # a value the driver cannot bind
            raise BadRows(str(exc)) from exc

    def _insert(
        self, connection: Connection, running: Sequence[Row], finished: Sequence[RunFacts]
    ) -> tuple[int, set[str]]:
        """How many rows, and the versions of Switchboard among them."""
        steps = [row for facts in finished for row in facts.steps]
        calls = [row for facts in finished for row in facts.calls]
        runs = [facts.run for facts in finished]
        words = [row for facts in finished for row in facts.content]
        count_found(connection, finished)  # it looks at what is stored: before it goes
        _forget(connection, [row["run_id"] for row in (*running, *runs)])
        new_versions = self._releases.mark(connection, runs)  # before these runs are in
        touch(connection, _began(running, runs, steps, calls))
        # Two inserts into `run`: rows of one executemany must have the same columns.
        for table, rows in ((run, running), (run, runs), (step, steps), (llm_call, calls), (content, words)):  # fmt: skip
            if rows:
                connection.execute(insert(table), rows)
        return len(running) + len(runs) + len(steps) + len(calls), new_versions

    def change_incidents(self, work: Callable[[Connection], None]) -> None:
        """Like `run`, and `incidents` is what they are afterwards."""

        def change(connection: Connection) -> tuple[Incident, ...]:
            work(connection)
            return known(connection)

        self.incidents = self.run(change)

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
        if self._watch is not None:
            self._watch.shrinks()
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
        self._database = self._watch = None

    def _connect(self) -> Database:
        path = sqlite_file(self.url)
        if path is not None and not log_size(path):
            refuse_foreign(tables_in(path) or ())  # before anything is changed in it
        database = Database(self.url)
        self._folder = Folder(self._timezone)
        try:
            with database.write() as connection:
                is_new = migrate(connection, first_data_version=time.time_ns() // 1_000_000)
                lost = any(not one.done for one in self.incidents)
                before = (
                    *self.incidents,
                    *([Incident(kind="missing")] if is_new and not lost else []),
                )
                remember(connection, before)
                incidents, self._made = known(connection), _made(connection)
                _mark_lost(connection, self._since_us)
                self.data_version = _next_version(connection)
        except BaseException:
            database.close()
            raise
        self.incidents = incidents
        return database

    def _notice_loss(self) -> None:
        watch = self._watch
        happened = watch.look() if watch is not None else None
        if watch is None or happened is None:
            return
        if watch.is_another():
            self._lost(happened)
            self.close()
            watch.drop_log()
        else:
            # Moved first: closing would write what is left of the old file into this one.
            why = "replaced" if happened == "replaced" else "broken"
            self._lost(happened, _move(watch.path, why, None).name)
            self.close()

    def _why_given_up(self, exc: StorageError) -> Kind | None:
        """None: it must stay where it is. A healthy database is moved out of our own place only."""
        if not isinstance(exc, ForeignDatabase):
            return "damaged" if _is_broken(exc) else None
        path = sqlite_file(self.url)
        mine = self._own_place and not isinstance(exc, NewerDatabase)
        return "foreign" if mine and path is not None and not in_use(path) else None

    def _give_up_file(self, reason: StorageError, why: Kind = "damaged") -> None:
        path = sqlite_file(self.url)
        self.close()
        if path is None or not path.exists():
            return
        kept = _move(path, "foreign" if why == "foreign" else "broken", reason)
        self._lost(why, kept.name)

    def _lost(self, kind: Kind, kept: str | None = None) -> None:
        self.incidents = (Incident(kind=kind, kept=kept), *self.incidents)


def stored_of(connection: Connection, run_ids: Sequence[str]) -> set[str]:
    """Those of some runs that are here, whatever is known of them."""
    found: set[str] = set()
    for first in range(0, len(run_ids), _AT_ONCE):
        some = run.c.run_id.in_(run_ids[first : first + _AT_ONCE])
        found.update(connection.execute(select(run.c.run_id).where(some)).scalars())
    return found


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
    """Damage of the file itself."""
    reason = str(exc.__cause__ or exc).lower()
    return any(word in reason for word in _BROKEN)


def _made(connection: Connection) -> int | None:
    made = select(schema_meta.c.value).where(schema_meta.c.name == MADE)
    return connection.execute(made).scalar_one_or_none()


def _move(path: Path, why: str, reason: StorageError | None) -> Path:
    try:
        return set_aside(path, why)
    except OSError as exc:
        raise StorageError(f"{path} cannot be used and cannot be moved away: {exc}.") from reason
