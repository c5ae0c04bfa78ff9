"""One database: many readers, one writer at a time.

SQLite before 3.51.3 can corrupt a WAL when two connections write at once, and waits badly for
locks, so each file has exactly one writing connection per process, guarded by a lock, and every
write is one `BEGIN IMMEDIATE` transaction. Postgres goes through the same two methods.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, MetaData, create_engine, event, text
from sqlalchemy.exc import DatabaseError, DBAPIError, OperationalError
from sqlalchemy.pool import StaticPool

from core.errors import StorageError

SAFE_SQLITE = (3, 51, 3)
"""Older ones can damage a write-ahead log when two connections write at the same moment."""
IN_MEMORY = "sqlite://"
"""A database of one connection that leaves nothing behind."""


class Database:
    """`write()` and `read()` give SQLAlchemy connections. Opening creates file and folder.

    Raises StorageError, with the path and what to do, when the file cannot be used. It never
    overwrites or moves a file: whether a broken one may be set aside is the owner's decision.
    """

    def __init__(
        self,
        url: str,
        *,
        metadata: MetaData | None = None,
        prepare: Callable[[Connection], None] | None = None,
        busy_timeout_s: float = 5.0,
    ) -> None:
        """`metadata`: tables to make. `prepare`: makes or upgrades them itself instead."""
        self.url = url
        self._busy_timeout_s = busy_timeout_s
        self.path = sqlite_file(url)
        self._lock = threading.Lock()
        self._begun = self._opened = False
        if self.path is not None:
            _make_folder(self.path)
        self._writer = self._engine(writer=True)
        self._readers = self._writer if url == IN_MEMORY else self._engine(writer=False)
        try:
            if self.path is not None:
                self._check_file()
            if metadata is not None:
                prepare = metadata.create_all
            if prepare is not None:
                with self.write() as connection:
                    prepare(connection)
        except StorageError:
            self.close()
            raise
        self._file = self._inode()
        self._opened = True

    @contextlib.contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction; committed at the end, rolled back on any error. None is begun when the file
        was taken away: what is written then is in no file that anybody finds again."""
        self._refuse_another_file()
        with self._lock, _storage_errors(self.where), self._writer.begin() as connection:
            self._begun = True
            try:
                yield connection
            finally:
                self._begun = False

    @contextlib.contextmanager
    def read(self) -> Iterator[Connection]:
        """A consistent snapshot for reading."""
        alone = self._lock if self.url == IN_MEMORY else contextlib.nullcontext()
        with alone, _storage_errors(self.where), self._readers.connect() as connection:
            yield connection

    def check_writable(self, patience_s: float = 1.0) -> None:
        """Raises StorageError when another program holds it, or when its file was taken away. Changes
        nothing."""
        self._refuse_another_file()
        if self._lock.acquire(timeout=patience_s):
            try:
                self._begin_and_end(patience_s)
            finally:
                self._lock.release()
        elif not self._begun:
            raise storage_error(sqlite3.OperationalError("busy"), self.where)

    def _begin_and_end(self, patience_s: float) -> None:
        """By a connection of its own: that of the writer is more patient, and questions wait for it."""
        if self.path is None:
            return
        with (
            _storage_errors(self.where),
            contextlib.closing(sqlite3.connect(self.path, timeout=patience_s)) as one,
        ):
            one.isolation_level = None
            one.execute("BEGIN IMMEDIATE")
            one.execute("ROLLBACK")

    def _refuse_another_file(self) -> None:
        if self._opened and self._inode() != self._file:
            raise StorageError(
                f"{self.where} is not the file any more that was opened, so nothing can be saved.",
                what_to_do="Put it back, or restore a backup, and restart Switchboard.",
            )

    def _inode(self) -> int | None:
        """Which file lies at the path now; None: none, or no file is used."""
        try:
            return None if self.path is None else self.path.stat().st_ino
        except OSError:
            return None

    def empty_log(self) -> None:
        """Moves the write-ahead log into the file, so that deleted text is nowhere any more."""
        if self.path is not None:
            with self._lock, self._writer.connect() as connection:
                raw = connection.connection.driver_connection
                assert raw is not None
                raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    @property
    def where(self) -> str:
        """What to call this database in a sentence for people. Once it is open its folder is not named:
        the sentence may reach somebody over the network."""
        if self.path is None:
            return "the configured database"
        return self.path.name if self._opened else str(self.path)

    def size_bytes(self) -> int | None:
        """Size on disk with the write-ahead log; None when it is not a file."""
        if self.path is None:
            return None
        names = (self.path, self.path.with_name(self.path.name + "-wal"))
        return sum(p.stat().st_size for p in names if p.exists())

    def close(self) -> None:
        """Disposes both engines. Idempotent."""
        self._readers.dispose()
        self._writer.dispose()

    def _engine(self, *, writer: bool) -> Engine:
        if self.path is None and self.url != IN_MEMORY:
            return create_engine(self.url, pool_pre_ping=True)
        options: dict[str, Any] = {
            "connect_args": {"check_same_thread": False, "timeout": self._busy_timeout_s}
        }
        if writer:
            options["poolclass"] = StaticPool
        engine = create_engine(self.url, **options)

        @event.listens_for(engine, "do_connect")
        def _look_first(*_: object) -> None:
            self._refuse_another_file()  # to open it would make an empty one in its place

        @event.listens_for(engine, "connect")
        def _configure(connection: sqlite3.Connection, _record: object) -> None:
            connection.isolation_level = None  # SQLAlchemy's "begin" event opens transactions
            if writer:
                connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute("PRAGMA synchronous=NORMAL")
                connection.execute("PRAGMA foreign_keys=ON")
                connection.execute("PRAGMA secure_delete=ON")  # deleted text is overwritten
            else:
                connection.execute("PRAGMA query_only=ON")

        @event.listens_for(engine, "begin")
        def _begin(connection: Connection) -> None:
            connection.exec_driver_sql("BEGIN IMMEDIATE" if writer else "BEGIN")

        return engine

    def _check_file(self) -> None:
        with _storage_errors(self.where), self._writer.connect() as connection:
            connection.execute(text("SELECT count(*) FROM sqlite_master"))


def database_url(path_or_url: str | Path) -> str:
    """A SQLAlchemy URL; a path becomes SQLite's."""
    given = str(path_or_url)
    return given if "://" in given else f"sqlite:///{given}"


def sqlite_file(url: str) -> Path | None:
    """The file of a SQLite URL; None for another database."""
    return Path(url.removeprefix("sqlite:///")) if url.startswith("sqlite:///") else None


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as exc:
        raise StorageError(
            f"The data folder {path.parent} cannot be made: {exc.strerror or exc}.",
            what_to_do="Set SWITCHBOARD_DATA_DIR to a folder that can be written.",
        ) from exc


@contextlib.contextmanager
def _storage_errors(where: str) -> Iterator[None]:
    try:
        yield
    except (OperationalError, DatabaseError, DBAPIError, sqlite3.Error) as exc:
        raise storage_error(exc, where) from exc


def storage_error(exc: Exception, where: str) -> StorageError:
    """The sentence for a driver's exception: what failed and what a person can do."""
    reason = str(getattr(exc, "orig", exc))
    low = reason.lower()
    if "full" in low or "disk i/o" in low:
        return StorageError(
            f"The disk is full or cannot be written: {where}.",
            what_to_do="Free some space. Switchboard goes on by itself as soon as it can write.",
        )
    if "readonly" in low or "read-only" in low or "unable to open" in low:
        return StorageError(
            f"{where} cannot be written.",
            what_to_do="Give the user that runs Switchboard the right to write there, or set "
            "SWITCHBOARD_DATA_DIR to another folder.",
        )
    if "malformed" in low or "not a database" in low:
        return StorageError(
            f"{where} is damaged or is not a database.",
            what_to_do="Move the file away (keep it) or restore a backup, then start again.",
        )
    if "locked" in low or "busy" in low:
        return StorageError(
            f"{where} is locked by another program.",
            what_to_do="Close the other program that has it open, then try again.",
        )
    return StorageError(f"{where} answered with an error: {reason[:200]}")


def tables_in(path: Path) -> frozenset[str] | None:
    """The tables of a SQLite file, read without changing a byte of it; None when it is not one.

    Tables that are only in its write-ahead log are not seen.
    """
    rows = peek(path, "SELECT name FROM sqlite_master WHERE type = 'table'")
    return None if rows is None else frozenset(str(name) for (name,) in rows)


def peek(path: Path, query: str) -> list[tuple[Any, ...]] | None:
    """What a SQLite file answers as it lies on the disk: nothing when it cannot, None when it is
    not a database. (To open it in any other way would take away the locks of this process.)"""
    uri = f"file:{quote(str(path.absolute()))}?immutable=1"
    try:
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as found:
            return found.execute(query).fetchall()
    except sqlite3.Error as exc:
        return None if "not a database" in str(exc) else []


def in_use(path: Path) -> bool:
    """Whether another program is in a transaction on a SQLite file at this moment."""
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as found:
            found.execute("BEGIN EXCLUSIVE")
            found.execute("ROLLBACK")
    except sqlite3.Error as exc:
        return "locked" in str(exc) or "busy" in str(exc)
    return False


def set_aside(path: Path, why: str = "broken") -> Path:
    """Renames a database (and its log files) so that a new one can be made. Keeps it whole.

    `why` becomes part of its name.
    """
    target = wanted = path.with_name(f"{path.name}.{why}-{time.strftime('%Y%m%d-%H%M%S')}")
    number = 1
    while target.exists():  # the second one within a second
        number += 1
        target = wanted.with_name(f"{wanted.name}-{number}")
    for suffix in ("", "-wal", "-shm", "-journal"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(target.with_name(target.name + suffix))
    return target
