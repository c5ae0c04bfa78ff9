"""Brings the index in step with a folder: reads what changed, writes whole documents, forgets the rest.

Files are read and split outside the transactions, which hold documents in batches: a crash leaves
whole documents, and other writers get their turn. `KnowledgeIndex.sync` is the way in.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path

from agents.knowledge.files import Found, find_documents, read_bytes
from agents.knowledge.passages import Document, Passage, read_document, split_document

BATCH_SECONDS = 0.5
"""How long files are read before what they gave is written in one transaction."""
BATCH_PASSAGES = 1000
OPTIMIZE_PASSAGES = 500
"""From so many written passages on, the FTS segments are merged: trigram searches then take half."""

Progress = Callable[[int, int], None]
"""Called with (documents looked at, documents in all) from the thread that syncs; must not block."""
Writer = Callable[[], AbstractContextManager[sqlite3.Connection]]


@dataclass(frozen=True, kw_only=True, slots=True)
class SyncReport:
    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    passages: int = 0
    """Passages in the index afterwards."""
    duration_ms: float = 0.0
    problems: tuple[tuple[str, str], ...] = ()
    """(path, reason) of everything that was left out. What is left out cannot be found either."""


@dataclass(kw_only=True)
class _Work:
    """One sync under way: what was known before, what is ready to be written, and the counts."""

    writer: Writer
    known: dict[str, tuple[str, int]]
    ready: list[tuple[Document, list[Passage]]] = field(default_factory=list)
    problems: list[tuple[str, str]] = field(default_factory=list)
    written: int = 0
    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0

    def look_at(self, found: Found) -> bool:
        """Reads one file; True when the index shall hold it."""
        if found.problem is not None:
            self.problems.append((found.path, found.problem))
            return False
        try:
            document = read_document(found.path, found.area, read_bytes(found))
        except OSError as exc:
            self.problems.append((found.path, f"cannot be read: {exc.strerror}"))
            return False
        except ValueError as exc:
            self.problems.append((found.path, str(exc)))
            return False
        content_hash, passages = self.known.get(found.path, (None, -1))
        if content_hash == document.content_hash:
            self.unchanged += 1
        else:
            self.ready.append((document, split_document(document)))
            passages = len(self.ready[-1][1])
            self.added += content_hash is None
            self.changed += content_hash is not None
        if passages == 0:
            self.problems.append((found.path, "holds no text"))
        return True

    def write(self, gone: Iterable[str] = ()) -> None:
        """Everything that is ready, and the removal of `gone`, in one transaction."""
        gone = list(gone)
        if not self.ready and not gone:
            return
        with self.writer() as db:
            for document, passages in self.ready:
                self.written += len(passages)
                put_document(db, document, passages)
            for path in gone:
                self.removed += remove_document(db, path)
            db.execute("UPDATE state SET value = value + 1 WHERE name = 'revision'")
        self.ready.clear()


def run_sync(
    writer: Writer,
    known: dict[str, tuple[str, int]],
    root: Path,
    progress: Progress | None = None,
    *,
    mount: str = "",
) -> SyncReport:
    """`known`: path -> (content hash, passages) of what the index holds of this root now.

    With a `mount`, paths begin with `/mount/`, and areas with `mount/`.

    A folder that cannot be listed changes nothing: a drive that is not mounted must not empty the
    index. `passages` and `duration_ms` of the report are left to the caller.
    """
    try:
        candidates = [_mounted(found, mount) for found in find_documents(root)]
    except OSError as exc:
        return SyncReport(problems=((str(root), f"the folder cannot be read: {exc.strerror}"),))
    work = _Work(writer=writer, known=known)
    kept: set[str] = set()
    batch_began = time.monotonic()
    for done, found in enumerate(candidates, start=1):
        if found.path in kept:
            work.problems.append((found.path, "a second file of this name"))
        elif work.look_at(found):
            kept.add(found.path)
        passages = sum(len(split) for _, split in work.ready)
        if passages >= BATCH_PASSAGES or time.monotonic() - batch_began > BATCH_SECONDS:
            work.write()
            batch_began = time.monotonic()
        if progress is not None:
            progress(done, len(candidates))
    work.write(gone=sorted(known.keys() - kept))
    if work.written >= OPTIMIZE_PASSAGES:
        with writer() as db:
            merge_indexes(db)
    return SyncReport(
        added=work.added,
        changed=work.changed,
        removed=work.removed,
        unchanged=work.unchanged,
        problems=tuple(work.problems),
    )


def merge_indexes(db: sqlite3.Connection) -> None:
    """Makes one part of the many each full-text index has: the words of removed documents go too."""
    db.execute("INSERT INTO porter (porter) VALUES ('optimize')")
    db.execute("INSERT INTO trigram (trigram) VALUES ('optimize')")


def _mounted(found: Found, mount: str) -> Found:
    if not mount:
        return found
    return replace(found, path=f"/{mount}/{found.path}", area=f"{mount}/{found.area}")


def put_document(db: sqlite3.Connection, document: Document, passages: list[Passage]) -> None:
    """Adds or replaces. Passages that stayed the same keep their row, and so their vectors."""
    values = (
        document.area,
        document.title,
        document.content_hash,
        len(document.text),
        len(passages),
        document.text,
    )
    [document_id] = db.execute(
        "INSERT INTO documents (path, area, title, content_hash, chars, passages, text)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (path) DO UPDATE SET area = excluded.area, title = excluded.title,"
        " content_hash = excluded.content_hash, chars = excluded.chars,"
        " passages = excluded.passages, text = excluded.text RETURNING id",
        (document.path, *values),
    ).fetchone()
    new = {passage.passage_id: passage for passage in passages}
    for (passage_id,) in db.execute(
        "SELECT passage_id FROM passages WHERE document_id = ?", (document_id,)
    ).fetchall():
        if new.pop(passage_id, None) is None:
            db.execute("DELETE FROM passages WHERE passage_id = ?", (passage_id,))
    db.executemany(
        "INSERT INTO passages (area, document_id, ordinal, passage_id, title, heading, text)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (p.area, document_id, p.ordinal, p.passage_id, p.title, p.heading, p.text)
            for p in new.values()
        ],
    )


def remove_document(db: sqlite3.Connection, path: str) -> int:
    row = db.execute("SELECT id FROM documents WHERE path = ?", (path,)).fetchone()
    if row is None:
        return 0
    db.execute("DELETE FROM passages WHERE document_id = ?", row)
    return db.execute("DELETE FROM documents WHERE id = ?", row).rowcount
