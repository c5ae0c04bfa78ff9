"""The file `knowledge.db`: its schema, how it is opened, and what happens when it is not ours.

The file is rebuildable from the knowledge folder, so a damaged or foreign one is set aside (never
overwritten) and a new one begun. Locked, read-only or missing folders are the operator's to solve:
those raise StorageError. Used by `index.py` only.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from core.errors import StorageError

APPLICATION_ID = 0x53574B42  # "SWKB"
SCHEMA_VERSION = 1
"""Raise it when tables or the splitting of passages change: the index is then built again."""
BUSY_TIMEOUT_MS = 10_000

TABLES = """
CREATE TABLE state (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO state VALUES ('revision', 0), ('vector_revision', 0);

CREATE TABLE documents (
    id INTEGER PRIMARY KEY, path TEXT NOT NULL UNIQUE, area TEXT NOT NULL, title TEXT NOT NULL,
    content_hash TEXT NOT NULL, chars INTEGER NOT NULL, passages INTEGER NOT NULL, text TEXT NOT NULL
);
CREATE INDEX documents_area ON documents (area, path);

-- area stands before the long columns: a search limited to areas reads it for every candidate row.
CREATE TABLE passages (
    id INTEGER PRIMARY KEY, area TEXT NOT NULL, document_id INTEGER NOT NULL, ordinal INTEGER NOT NULL,
    passage_id TEXT NOT NULL UNIQUE, title TEXT NOT NULL, heading TEXT NOT NULL, text TEXT NOT NULL
);
CREATE INDEX passages_document ON passages (document_id, ordinal);

CREATE TABLE vectors (
    model TEXT NOT NULL, passage_id TEXT NOT NULL, dims INTEGER NOT NULL, blob BLOB NOT NULL,
    UNIQUE (model, passage_id)
);
CREATE INDEX vectors_passage ON vectors (passage_id);

-- External content: the text is stored once. Contentless tables that can delete need SQLite 3.43.
CREATE VIRTUAL TABLE porter USING fts5 (
    title, heading, text, content='passages', content_rowid='id',
    tokenize='porter unicode61 remove_diacritics 2'
);
CREATE VIRTUAL TABLE trigram USING fts5 (
    title, heading, text, content='passages', content_rowid='id', tokenize='trigram'
);
CREATE TRIGGER passages_added AFTER INSERT ON passages BEGIN
    INSERT INTO porter (rowid, title, heading, text) VALUES (new.id, new.title, new.heading, new.text);
    INSERT INTO trigram (rowid, title, heading, text) VALUES (new.id, new.title, new.heading, new.text);
END;
CREATE TRIGGER passages_removed AFTER DELETE ON passages BEGIN
    INSERT INTO porter (porter, rowid, title, heading, text)
        VALUES ('delete', old.id, old.title, old.heading, old.text);
    INSERT INTO trigram (trigram, rowid, title, heading, text)
        VALUES ('delete', old.id, old.title, old.heading, old.text);
    DELETE FROM vectors WHERE passage_id = old.passage_id;
END;
"""


class Damaged(StorageError):
    """The file is malformed, or belongs to another program. The next sync builds it again."""

    default_what_to_do = "Run the indexing of the knowledge folder again."


def connect(path: Path) -> sqlite3.Connection:
    """A connection in autocommit mode that any thread may use, one at a time."""
    db = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, timeout=BUSY_TIMEOUT_MS / 1000
    )
    try:
        db.execute("PRAGMA synchronous = NORMAL")
    except sqlite3.Error:
        db.close()
        raise
    return db


def prepare(path: Path) -> str | None:
    """Makes sure a usable file is at `path`; returns a notice when an old one had to go.

    Raises StorageError when the folder or file cannot be used at all.
    """
    notice = None
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _open_or_create(path)
        except Damaged as exc:
            aside = set_aside(path)
            notice = f"{exc} It was set aside as {aside} and is built again."
            _open_or_create(path)
    return notice


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turns what SQLite and the file system raise into StorageError, and damage into Damaged."""
    try:
        yield
    except sqlite3.DatabaseError as exc:
        if _is_damage(exc):
            raise Damaged(f"The knowledge index {path.name} is damaged: {exc}.") from exc
        if "no such module: fts5" in str(exc) or "no such tokenizer" in str(exc):
            raise StorageError(
                f"This Python's SQLite {sqlite3.sqlite_version} cannot search text.",
                what_to_do="Use a Python whose SQLite is 3.34 or newer, built with FTS5.",
            ) from exc
        raise StorageError(f"The knowledge index {path} cannot be used: {exc}.") from exc
    except OSError as exc:
        raise StorageError(f"The knowledge index {path} cannot be used: {exc.strerror}.") from exc


def _is_damage(exc: sqlite3.Error) -> bool:
    """True for a file that is not a database or is malformed; false for locked, full, read-only."""
    code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
    return code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


def set_aside(path: Path) -> str:
    """Renames a file and what belongs to it; returns the new name."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%fZ")
    aside = f"{path.name}.broken-{stamp}"
    for suffix in ("", "-wal", "-shm"):
        # Gone already: another process that starts at this moment set it aside.
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(path.with_name(aside + suffix))
    return aside


def _open_or_create(path: Path) -> None:
    with storage_errors(path), closing(connect(path)) as db:
        identity = db.execute("PRAGMA application_id").fetchone()[0]
        tables = db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if tables and identity != APPLICATION_ID:
            raise Damaged(f"{path.name} belongs to another program.")
        if tables and (found := db.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise Damaged(f"{path.name} is damaged: {str(found).splitlines()[0]}.")
        if not tables:  # must come before the first table, and before WAL
            db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        db.execute("PRAGMA journal_mode = WAL")
        # Whoever comes second waits here and finds the schema made.
        db.execute("BEGIN IMMEDIATE")
        if db.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
            _recreate(db)
        db.execute("COMMIT")


def _recreate(db: sqlite3.Connection) -> None:
    """Drops another version's tables and makes ours, inside the caller's transaction."""
    for kind, name in db.execute(
        "SELECT type, name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        " ORDER BY sql LIKE 'CREATE VIRTUAL%' DESC"
    ).fetchall():
        db.execute(f'DROP {kind} IF EXISTS "{name}"')
    for statement in _statements(TABLES):
        db.execute(statement)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _statements(script: str) -> Iterator[str]:
    """One statement at a time: `executescript` would commit the transaction around it."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
