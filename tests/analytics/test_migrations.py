from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Connection, inspect, text

from analytics.migrations import ForeignDatabase, migrate
from analytics.schema import SCHEMA_VERSION, metadata
from core.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(f"sqlite:///{tmp_path / 'a.db'}")


def version(connection: Connection) -> int:
    found = connection.execute(text("SELECT value FROM schema_meta WHERE name = 'version'"))
    return int(found.scalar_one())


def test_an_empty_file_gets_all_tables_and_indexes(database: Database) -> None:
    with database.write() as connection:
        migrate(connection, first_data_version=7)
        assert set(inspect(connection).get_table_names()) == set(metadata.tables)
        found = {i["name"] for t in ("run", "llm_call") for i in inspect(connection).get_indexes(t)}
        assert version(connection) == SCHEMA_VERSION
    database.close()
    assert {"run_by_time", "run_by_user", "run_by_conversation", "run_not_ok"} <= found
    assert {"llm_call_by_time", "llm_call_by_model", "llm_call_errors"} <= found


def test_an_older_database_takes_every_step_once_and_in_order(database: Database) -> None:
    taken: list[int] = []
    steps = {SCHEMA_VERSION + n: (lambda _c, n=n: taken.append(n)) for n in (1, 2)}
    with database.write() as connection:
        migrate(connection, first_data_version=1)
        for _ in range(2):
            migrate(connection, first_data_version=1, migrations=steps, target=SCHEMA_VERSION + 2)
        assert version(connection) == SCHEMA_VERSION + 2
    database.close()
    assert taken == [1, 2]


def test_a_database_of_version_2_can_remember_lost_files_afterwards(database: Database) -> None:
    with database.write() as connection:
        migrate(connection, first_data_version=1)
        connection.execute(text("DROP TABLE incident"))
        connection.execute(text("DROP INDEX run_repeated"))
        for name in ("answer_cache", "saved_pusd"):
            connection.execute(text(f"ALTER TABLE run DROP COLUMN {name}"))
        connection.execute(text("UPDATE schema_meta SET value = 2 WHERE name = 'version'"))
        assert not migrate(connection, first_data_version=1)
        assert "incident" in inspect(connection).get_table_names()
        columns = {column["name"] for column in inspect(connection).get_columns("run")}
        assert {"answer_cache", "saved_pusd"} <= columns
        assert version(connection) == SCHEMA_VERSION
    database.close()


def test_a_step_that_fails_leaves_the_old_version(database: Database) -> None:
    def broken(connection: Connection) -> None:
        connection.execute(text("CREATE TABLE half (x)"))
        raise RuntimeError

    with database.write() as connection:
        migrate(connection, first_data_version=1)
    with pytest.raises(RuntimeError), database.write() as connection:
        migrate(
            connection,
            first_data_version=1,
            migrations={SCHEMA_VERSION + 1: broken},
            target=SCHEMA_VERSION + 1,
        )
    with database.read() as connection:
        assert version(connection) == SCHEMA_VERSION
        assert "half" not in inspect(connection).get_table_names()
    database.close()


def test_a_newer_database_is_refused_and_not_touched(database: Database) -> None:
    with database.write() as connection:
        migrate(connection, first_data_version=1, target=SCHEMA_VERSION + 5)
        with pytest.raises(ForeignDatabase, match="newer Switchboard"):
            migrate(connection, first_data_version=1)
    database.close()


def test_a_database_of_another_program_is_refused(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("CREATE TABLE bookmarks (x)"))
        with pytest.raises(ForeignDatabase, match="bookmarks"):
            migrate(connection, first_data_version=1)
    database.close()
