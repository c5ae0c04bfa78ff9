"""A database that cannot be used says so in a sentence and is never overwritten."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, text

from core.database import Database, database_url, set_aside
from core.errors import StorageError

metadata = MetaData()
item = Table("item", metadata, Column("id", Integer, primary_key=True), Column("blob", Integer))


def test_a_failed_transaction_leaves_nothing(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'a.db'}", metadata=metadata)
    with pytest.raises(ZeroDivisionError), db.write() as connection:
        connection.execute(insert(item).values(id=1))
        raise ZeroDivisionError
    with db.read() as connection:
        assert connection.execute(select(item)).all() == []
    db.close()


def test_readers_cannot_write(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'a.db'}", metadata=metadata)
    with pytest.raises(StorageError), db.read() as connection:
        connection.execute(insert(item).values(id=1))
    db.close()


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    path.write_bytes(b"these are somebody's notes, not a database" * 100)
    with pytest.raises(StorageError, match="not a database") as caught:
        Database(f"sqlite:///{path}", metadata=metadata)
    assert str(path) in caught.value.message
    assert path.read_bytes().startswith(b"these are")


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="cannot be made") as caught:
        Database(f"sqlite:///{tmp_path / 'file' / 'sub' / 'a.db'}", metadata=metadata)
    assert "SWITCHBOARD_DATA_DIR" in caught.value.what_to_do


def test_a_full_disk_is_called_full(tmp_path: Path) -> None:
    db = Database(f"sqlite:///{tmp_path / 'a.db'}", metadata=metadata)
    with db.write() as connection:
        connection.execute(text("PRAGMA max_page_count=4"))
    with pytest.raises(StorageError, match="disk is full"), db.write() as connection:
        connection.execute(text("CREATE TABLE big (x TEXT)"))
        connection.execute(text("INSERT INTO big VALUES (hex(randomblob(50000)))"))
    with db.read() as connection:  # still usable
        assert connection.execute(select(item)).all() == []
    db.close()


def test_a_locked_file_is_called_locked(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    db = Database(f"sqlite:///{path}", metadata=metadata, busy_timeout_s=0.01)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="locked"), db.write():
        pass
    other.rollback()
    other.close()
    db.close()


def test_a_file_set_aside_is_whole_and_the_name_is_free(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).write_text(suffix or "main")
    moved = set_aside(path)
    assert moved.read_text() == "main"
    assert moved.with_name(moved.name + "-wal").read_text() == "-wal"
    assert not path.exists()


def test_a_database_that_another_program_holds_or_that_was_taken_away_is_not_writable(
    tmp_path: Path,
) -> None:
    """Readiness said that all was well, while every question was refused, or written into a file
    that was deleted."""
    path = tmp_path / "a.db"
    db = Database(database_url(path), metadata=metadata, busy_timeout_s=0.05)
    db.check_writable()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="locked"):
        db.check_writable()
    other.execute("ROLLBACK")
    other.close()
    db.check_writable()
    with db.write():  # its own transaction is work and no fault
        db.check_writable(0.01)
    path.rename(tmp_path / "gone.db")
    with pytest.raises(StorageError, match="not the file any more"):
        db.check_writable()
    db.close()


def test_nothing_is_written_into_a_file_that_was_taken_away(tmp_path: Path) -> None:
    """Conversations went into a file without a name until the next start, and were gone then."""
    path, away = tmp_path / "a.db", tmp_path / "away.db"
    db = Database(database_url(path), metadata=metadata)
    path.rename(away)
    with pytest.raises(StorageError, match="nothing can be saved") as caught, db.write():
        pass
    assert "restart Switchboard" in caught.value.what_to_do
    sqlite3.connect(path).close()  # another file in its place is not it
    with pytest.raises(StorageError, match="nothing can be saved"), db.write():
        pass
    away.replace(path)
    with db.write() as connection:
        connection.execute(insert(item).values(id=1))
    db.close()


def test_reading_makes_no_empty_file_where_one_was_taken_away(tmp_path: Path) -> None:
    """What was opened goes on being read; the next connection made a new file, found no tables in it
    and deleted the log of the old one."""
    path = tmp_path / "a.db"
    db = Database(database_url(path), metadata=metadata)
    with db.read() as first:
        assert first.execute(select(item)).all() == []
        path.rename(tmp_path / "away.db")
        with pytest.raises(StorageError, match="not the file any more"), db.read():
            pass
        assert first.execute(select(item)).all() == []
    assert not path.exists()
    assert path.with_name("a.db-wal").exists()
    db.close()


def test_the_folder_of_an_open_database_is_in_no_message(tmp_path: Path) -> None:
    """It was shown to whoever asked over the API while the file was locked."""
    path = tmp_path / "a.db"
    db = Database(database_url(path), metadata=metadata, busy_timeout_s=0.05)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError) as caught, db.write():
        pass
    other.close()
    db.close()
    assert caught.value.message == "a.db is locked by another program."
