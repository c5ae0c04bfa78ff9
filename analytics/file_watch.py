"""Notices what SQLite does not: that an open file was deleted, emptied, cut or exchanged.

SQLite goes on with what it has in memory and with the inode it has open, and nobody would ever read
what it writes. Looking costs two `stat`; the content is read only when the log file is another one.
"""

from __future__ import annotations

from pathlib import Path

from analytics.incidents import Kind
from analytics.migrations import MADE
from analytics.schema import schema_meta
from core.database import peek, tables_in

Identity = tuple[int, int]
"""Device and inode: which file a name stands for."""


class FileWatch:
    """Of one opened file, from when it was opened. `made`: see analytics/migrations.py."""

    def __init__(self, path: Path, made: int | None) -> None:
        self.path = path
        self._made = made
        self._file, self._least = _look(path)
        self._log = _look(log_of(path))[0]
        self._may_shrink = False

    def shrinks(self) -> None:
        """From now on SQLite itself may make the file smaller."""
        self._may_shrink = True

    def look(self) -> Kind | None:
        """What happened to the file; None when nothing did.

        A log that is gone alone is no loss: the open connection still has it.
        """
        file, size = _look(self.path)
        if file is None:
            return "deleted"
        if file != self._file:
            return "replaced"
        if not size or (size < self._least and not self._may_shrink):
            return "damaged"
        self._least = size
        log = _look(log_of(self.path))[0]
        if log != self._log and not self._may_be_this():
            return "replaced"
        self._log = log
        return None

    def is_another(self) -> bool:
        """Whether the name stands for another file now, or for none."""
        return _look(self.path)[0] != self._file

    def drop_log(self) -> None:
        """The log of a file that is gone must not be read as that of the next one."""
        if self._log is not None and _look(log_of(self.path))[0] == self._log:
            log_of(self.path).unlink()
            self.path.with_name(f"{self.path.name}-shm").unlink(missing_ok=True)

    def _may_be_this(self) -> bool:
        """Before the first checkpoint the file itself holds no tables."""
        names = tables_in(self.path)
        if not names or schema_meta.name not in names:
            return names is not None and not names
        found = peek(self.path, f"SELECT value FROM schema_meta WHERE name = '{MADE}'")
        return found == ([] if self._made is None else [(self._made,)])


def log_of(path: Path) -> Path:
    """The write-ahead log of a SQLite file."""
    return path.with_name(f"{path.name}-wal")


def log_size(path: Path) -> int:
    """Bytes; 0 when there is none."""
    return _look(log_of(path))[1]


def _look(path: Path) -> tuple[Identity | None, int]:
    try:
        found = path.stat()
    except OSError:
        return None, 0
    return (found.st_dev, found.st_ino), found.st_size
