"""The knowledge index: keeps `knowledge.db` in step with a folder and hands out what it holds.

It answers what there is (areas, documents, passages); which passages fit a question is `search.py`.
Safe from any thread: one writer at a time, readers on connections of their own. A crash at any
moment leaves whole documents only, because a document is never spread over two transactions.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Self

from agents.knowledge import database
from agents.knowledge.passages import Document, Passage
from agents.knowledge.rows import (
    PASSAGE_COLUMNS,
    AreaInfo,
    DocumentInfo,
    DocumentSet,
    as_passage,
    document_rows,
    document_set,
)
from agents.knowledge.sync import Progress, SyncReport, merge_indexes, run_sync
from core.errors import NotFound, StorageError

__all__ = ["AreaInfo", "DocumentInfo", "DocumentSet", "KnowledgeIndex", "Progress", "SyncReport"]

IDLE_READERS = 8


class KnowledgeIndex:
    """Opens or creates the file at once. Raises StorageError when the place cannot be used.

    `notice` is a sentence for the health page when a damaged file had to be set aside.
    """

    def __init__(self, db_path: Path) -> None:
        self.path = db_path
        self.notice = database.prepare(db_path)
        self._sync_lock = threading.Lock()
        self._write_lock = threading.Lock()
        self._readers_lock = threading.Lock()
        self._idle: list[sqlite3.Connection] = []
        self._generation = 0
        """Grows when the file was replaced: a connection of an older one is not used again."""
        self._closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes idle connections; those in use are closed when given back. Idempotent."""
        self._drop_readers(closed=True)

    @contextmanager
    def reader(self) -> Iterator[sqlite3.Connection]:
        """A read-only connection inside one snapshot: all its statements see the same index."""
        with database.storage_errors(self.path):
            db, generation = self._take_reader()
            healthy = False
            try:
                db.execute("BEGIN")
                yield db
                db.execute("COMMIT")
                healthy = True
            finally:
                self._give_back(db, generation if healthy else -1)

    @contextmanager
    def writer(self) -> Iterator[sqlite3.Connection]:
        """One transaction: committed when the block ends well, rolled back otherwise."""
        if self._closed:
            raise StorageError("The knowledge index is closed.")
        with (
            self._write_lock,
            database.storage_errors(self.path),
            closing(database.connect(self.path)) as db,
        ):
            db.execute("PRAGMA secure_delete = ON")
            db.execute("BEGIN IMMEDIATE")
            yield db
            db.execute("COMMIT")

    def sync(self, root: Path, progress: Progress | None = None, *, mount: str = "") -> SyncReport:
        """Indexes what changed below `root`; searches go on meanwhile. One sync at a time.

        A second folder has a `mount`, under which its documents stand beside the first one's.
        A file found damaged on the way is set aside and built again. Raises StorageError when the
        index cannot be written; problems with documents are in the report.
        """
        with self._sync_lock:
            started = time.perf_counter()
            try:
                report = run_sync(self.writer, self._known(mount), root, progress, mount=mount)
            except database.Damaged as exc:
                self._replace_file(exc)
                report = run_sync(self.writer, self._known(mount), root, progress, mount=mount)
            if report.added or report.changed or report.removed:
                self.tidy()
            passages = sum(area.passages for area in self.areas())
            duration_ms = (time.perf_counter() - started) * 1000
            return replace(report, passages=passages, duration_ms=duration_ms)

    def areas(self) -> list[AreaInfo]:
        """The areas that hold documents, by name."""
        with self.reader() as db:
            rows = db.execute(
                "SELECT area, count(*), sum(passages), sum(chars) FROM documents"
                " GROUP BY area ORDER BY area"
            ).fetchall()
        return [AreaInfo(area=a, documents=d, passages=p, chars=c) for a, d, p, c in rows]

    def documents(self, area: str | None = None) -> list[DocumentInfo]:
        """The documents of an area, or all of them, sorted by path."""
        with self.reader() as db:
            return [info for _, info in document_rows(db, area)]

    def document(self, path: str) -> Document:
        """A document with its whole text. Raises NotFound."""
        with self.reader() as db:
            row = db.execute(
                "SELECT path, area, title, text, content_hash FROM documents WHERE path = ?",
                (path,),
            ).fetchone()
        if row is None:
            raise NotFound("There is no such document in the knowledge base.")
        path, area, title, text, content_hash = row
        return Document(path=path, area=area, title=title, text=text, content_hash=content_hash)

    def passage(self, passage_id: str) -> Passage:
        """Raises NotFound, also for a passage of an older version of its document."""
        with self.reader() as db:
            row = db.execute(
                f"SELECT {PASSAGE_COLUMNS} FROM passages AS p JOIN documents AS d"
                " ON d.id = p.document_id WHERE p.passage_id = ?",
                (passage_id,),
            ).fetchone()
        if row is None:
            raise NotFound("There is no such passage in the knowledge base.")
        return as_passage(row)

    def document_passages(self, area: str, budget_chars: int) -> DocumentSet:
        """The whole documents of an area in path order, for a cached prefix.

        When `left_out` is not empty the area does not fit: the later ones by path are missing, and
        `search.Retriever.best_documents` makes the better choice.
        """
        with self.reader() as db:
            return document_set(db, document_rows(db, area), budget_chars)

    def _known(self, mount: str) -> dict[str, tuple[str, int]]:
        with self.reader() as db:
            rows = db.execute("SELECT path, content_hash, passages FROM documents").fetchall()
        start = f"/{mount}/" if mount else "/"
        return {
            path: (content_hash, passages)
            for path, content_hash, passages in rows
            if path.startswith(start) == bool(mount)
        }

    def forget_removed(self) -> None:
        """Takes the words of removed documents out of the file, where the full-text indexes only mark
        them. Rewrites those. Blocking."""
        with self.writer() as db:
            merge_indexes(db)
        self.tidy()

    def tidy(self) -> None:
        """Gives free pages back and empties the write-ahead log, as far as present readers allow."""
        with (
            self._write_lock,
            database.storage_errors(self.path),
            closing(database.connect(self.path)) as db,
        ):
            db.execute("PRAGMA busy_timeout = 200")
            # Gives back one page per step; `execute` would take a single one.
            db.executescript("PRAGMA incremental_vacuum")
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def _replace_file(self, exc: database.Damaged) -> None:
        with self._write_lock:
            self._drop_readers()
            with database.storage_errors(self.path):
                aside = database.set_aside(self.path)
            database.prepare(self.path)
            self.notice = f"{exc} It was set aside as {aside} and built again."

    def _take_reader(self) -> tuple[sqlite3.Connection, int]:
        with self._readers_lock:
            if self._closed:
                raise StorageError("The knowledge index is closed.")
            generation = self._generation
            if self._idle:
                return self._idle.pop(), generation
        db = database.connect(self.path)
        db.execute("PRAGMA query_only = ON")
        return db, generation

    def _give_back(self, db: sqlite3.Connection, generation: int) -> None:
        with self._readers_lock:
            wanted = generation == self._generation and not self._closed
            if wanted and len(self._idle) < IDLE_READERS:
                self._idle.append(db)
                return
        db.close()

    def _drop_readers(self, *, closed: bool = False) -> None:
        with self._readers_lock:
            self._closed = self._closed or closed
            self._generation += 1
            idle, self._idle = self._idle, []
        for db in idle:
            db.close()
