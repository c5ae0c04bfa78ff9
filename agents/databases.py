"""Where a thread is kept: in app.db, or in memory while it is temporary.

A temporary thread has the same tables in a database of one connection that ends with the process, so
that whatever works in a thread works there, by the same code, and nothing of it reaches the disk.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

from agents.migrations import make_or_migrate
from core.database import IN_MEMORY, Database


class Databases:
    """Knows the ids of temporary threads and of their runs; every other id is kept on disk."""

    def __init__(self, kept: Database) -> None:
        self.kept = kept
        self._memory: Database | None = None
        self._temporary: set[str] = set()
        self._lock = threading.Lock()

    @classmethod
    def around(cls, given: Database | Databases) -> Databases:
        """For stores that are given one of the two."""
        return given if isinstance(given, Databases) else cls(given)

    def of(self, thread_or_run_id: str | None) -> Database:
        if self._memory is not None and thread_or_run_id in self._temporary:
            return self._memory
        return self.kept

    def all(self) -> Iterator[Database]:
        """For ids of which nobody knows where they belong. The small one first."""
        if self._memory is not None:
            yield self._memory
        yield self.kept

    def is_temporary(self, thread_or_run_id: str) -> bool:
        return thread_or_run_id in self._temporary

    def add_temporary(self, *ids: str) -> None:
        """From now on these threads and runs are in memory."""
        with self._lock:
            if self._memory is None:
                self._memory = Database(IN_MEMORY, prepare=make_or_migrate)
            self._temporary.update(ids)

    def forget(self, *ids: str) -> None:
        """Of threads and runs that are deleted: their ids are not temporary any more, but unknown."""
        with self._lock:
            self._temporary.difference_update(ids)

    def close(self) -> None:
        self.kept.close()
        if self._memory is not None:
            self._memory.close()
