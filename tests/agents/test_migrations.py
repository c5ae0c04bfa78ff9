"""Databases of earlier releases are brought up to date, and those of later ones are left alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agents.migrations import SCHEMA_VERSION, make_or_migrate
from agents.run_store import RunStore
from agents.threads import ThreadStore
from core.database import Database
from core.errors import StorageError

FIRST_RELEASE = Path(__file__).with_name("app_db_1.sql")
T, A, CUT = "a" * 32, "b" * 32, "c" * 32


def old_database(path: Path) -> None:
    """Two threads as the first release wrote them: of two turns, and of one that was cut off."""
    rows = [
        f"INSERT INTO thread VALUES ('{T}', 'local', 'chat', NULL, 'Old', 1, 5)",
        f"INSERT INTO thread VALUES ('{A}', 'local', 'chat', NULL, 'Other', 1, 4)",
        *(
            f"INSERT INTO message VALUES ('m{n}', '{T}', {n}, 'r{n // 2}', '{role}', 't{n}', NULL, 1)"
            for n, role in enumerate(("user", "assistant", "user", "assistant"))
        ),
        f"INSERT INTO message VALUES ('other', '{A}', 0, '{CUT}', 'user', 'alone', NULL, 1)",
        f"INSERT INTO run VALUES ('r1', '{T}', 'local', 'react', 'completed', '{{}}', 'm2', 'm3', 1, 1)",
        f"INSERT INTO run VALUES ('{CUT}', '{A}', 'local', 'react', 'running', '{{}}', 'other', NULL, 1, 0)",
    ]
    with closing(sqlite3.connect(path)) as db:
        db.executescript(FIRST_RELEASE.read_text("utf-8"))
        for row in rows:
            db.execute(row)
        db.commit()


def test_threads_of_the_first_release_become_one_branch_each(tmp_path: Path) -> None:
    old_database(tmp_path / "app.db")
    database = Database(f"sqlite:///{tmp_path / 'app.db'}", prepare=make_or_migrate)
    threads = ThreadStore(database)
    found = threads.messages(T, "local")
    assert [(m.id, m.parent_id, m.versions) for m in found] == [
        ("m0", None, ("m0",)), ("m1", "m0", ("m1",)), ("m2", "m1", ("m2",)), ("m3", "m2", ("m3",)),
    ]  # fmt: skip
    assert RunStore(database).recover() == [CUT]
    assert [m.text for m in threads.messages(A, "local")] == ["alone", ""]
    database.close()


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
def test_an_upgraded_database_has_the_columns_of_a_new_one(tmp_path: Path) -> None:
    old_database(tmp_path / "old.db")
    made = []
    for name in ("old.db", "new.db"):
        Database(f"sqlite:///{tmp_path / name}", prepare=make_or_migrate).close()
        with closing(sqlite3.connect(tmp_path / name)) as db:
            parts = db.execute("SELECT type, name FROM sqlite_master ORDER BY 1, 2").fetchall()
            tables = [name for kind, name in parts if kind == "table"]
            columns = {
                table: {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
                for table in tables
            }
        made.append((parts, columns))
    assert made[0] == made[1]


def test_a_second_start_changes_nothing(tmp_path: Path) -> None:
    old_database(tmp_path / "app.db")
    for _ in range(2):
        database = Database(f"sqlite:///{tmp_path / 'app.db'}", prepare=make_or_migrate)
        assert len(ThreadStore(database).messages(T, "local")) == 4
        database.close()


def test_a_database_of_a_newer_release_is_refused(tmp_path: Path) -> None:
    Database(f"sqlite:///{tmp_path / 'app.db'}", prepare=make_or_migrate).close()
    with closing(sqlite3.connect(tmp_path / "app.db")) as db:
        db.execute("UPDATE app_schema SET version = ?", (SCHEMA_VERSION + 1,))
        db.commit()
    with pytest.raises(StorageError, match="newer Switchboard"):
        Database(f"sqlite:///{tmp_path / 'app.db'}", prepare=make_or_migrate)
