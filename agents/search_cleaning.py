"""Takes the words of deleted text out of the search index, so that they are nowhere in the file.

FTS5 only marks a removed document; its words stay in the index until the parts of it are merged. (Its
own "secure-delete" exists from SQLite 3.42 and makes files that older ones cannot read.) Merging
rewrites the whole index, so it is done once after many deletions, in steps that let others write, and
by a thread that ends with its work.
"""

from __future__ import annotations

import logging
import threading

from sqlalchemy import Connection, delete, select

from agents.search_schema import INDEX, search_dirty
from core.database import Database
from core.errors import StorageError

log = logging.getLogger(__name__)
PAGES_A_STEP = 500
"""About 2 MB, 20 ms."""


class SearchCleaning:
    """One per database. A restart goes on with what a kill cut off: what is left is in the database."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._again = False
        self._stop = threading.Event()

    def soon(self) -> None:
        """Begins in the background if there is anything to do. Returns at once."""
        with self._lock:
            if self._stop.is_set():
                return
            self._again = True
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="search-cleaning", daemon=True
                )
                self._thread.start()

    def now(self) -> bool:
        """The same, waiting for it. False when it was closed meanwhile, with some left to do."""
        if not self._is_dirty():
            return True
        first = True
        while not self._stop.is_set():
            with self._db.write() as connection:
                if not _merge(connection, first=first):
                    connection.execute(delete(search_dirty))
                    break
            first = False
        else:
            return False
        self._db.empty_log()
        return True

    def close(self, timeout: float = 5.0) -> None:
        self._stop.set()
        thread = self._thread
        if thread is not None:
            thread.join(timeout)

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._again or self._stop.is_set():
                    self._thread = None
                    return
                self._again = False
            try:
                self.now()
            except StorageError as exc:  # tried again after the next deletion or start
                log.warning("deleted words are still in the search index: %s", exc.message)

    def _is_dirty(self) -> bool:
        with self._db.read() as connection:
            return (
                connection.dialect.name == "sqlite"
                and connection.scalar(select(search_dirty.c.id)) is not None
            )


def _merge(connection: Connection, *, first: bool) -> bool:
    """One step; False when there is only one part left. A negative number begins a merge of all."""
    before = _changes(connection)
    pages = -PAGES_A_STEP if first else PAGES_A_STEP
    connection.exec_driver_sql(f"INSERT INTO {INDEX} ({INDEX}, rank) VALUES ('merge', {pages})")
    return _changes(connection) - before >= 2


def _changes(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT total_changes()").scalar_one())
