"""Brings app.db to the current schema in numbered steps.

A step is never edited once released, and says why it exists. New tables need no step: they are made
by `create_all` before. Every step runs in the write transaction that notes its number, so a database
is at one version or the next and never between two.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy import Connection, Table, insert, inspect, select, text, update
from sqlalchemy.schema import CreateColumn, CreateIndex

from agents.search_schema import fill
from agents.tables import app_schema, message, message_rating, metadata, run, thread
from core.errors import StorageError

Migration = Callable[[Connection], None]


def _to_2(connection: Connection) -> None:
    """Messages become a tree, threads can be organised, runs name their checkpoint.

    What was there is one branch per thread. Its agents' memory is made anew from the messages: the
    older runs do not know which checkpoint is theirs.
    """
    _add_columns(connection, thread, "head_id", "pinned_at_us", "archived_at_us", "seen_at_us",
                 "source", "source_hash")  # fmt: skip
    _add_columns(connection, message, "parent_id")
    for name, kind in (("parent_id", "VARCHAR(32)"), ("position", "INTEGER")):
        connection.execute(text(f"ALTER TABLE run ADD COLUMN {name} {kind}"))
    _add_columns(connection, run, "checkpoint_thread", "checkpoint_id")
    connection.execute(text("ALTER TABLE run DROP COLUMN checkpointed"))
    connection.execute(
        text(
            "UPDATE message SET parent_id = (SELECT older.id FROM message AS older"
            " WHERE older.thread_id = message.thread_id AND older.position < message.position"
            " ORDER BY older.position DESC LIMIT 1)"
        )
    )
    connection.execute(
        text(
            "UPDATE thread SET seen_at_us = updated_at_us, head_id = (SELECT last.id FROM message"
            " AS last WHERE last.thread_id = thread.id ORDER BY last.position DESC LIMIT 1)"
        )
    )
    connection.execute(
        text(
            "UPDATE run SET parent_id = question_id, position = coalesce((SELECT asked.position + 1"
            " FROM message AS asked WHERE asked.id = run.question_id), 1)"
        )
    )
    for table in (thread, message):
        for index in table.indexes:
            connection.execute(CreateIndex(index, if_not_exists=True))


def _to_3(connection: Connection) -> None:
    """The list of threads has indexes of its own, and what was said can be searched."""
    for table in (thread, message_rating):
        for index in table.indexes:
            connection.execute(CreateIndex(index, if_not_exists=True))
    fill(connection)


MIGRATIONS: Mapping[int, Migration] = {2: _to_2, 3: _to_3}
"""Version reached -> what to do to a database of the version before."""
SCHEMA_VERSION = max(MIGRATIONS)


def make_or_migrate(connection: Connection) -> None:
    """Raises StorageError for a database of a newer release, which is then not touched."""
    before = set(inspect(connection).get_table_names())
    version = _version(connection, before)
    if version > SCHEMA_VERSION:
        raise StorageError(
            f"The database was made by a newer Switchboard (schema {version}, this one knows "
            f"{SCHEMA_VERSION}).",
            what_to_do="Start the newer Switchboard, or set SWITCHBOARD_DATA_DIR to another folder.",
        )
    metadata.create_all(connection)
    for number in range(version + 1, SCHEMA_VERSION + 1):
        MIGRATIONS[number](connection)
    if app_schema.name not in before:
        connection.execute(insert(app_schema).values(version=SCHEMA_VERSION))
    elif version < SCHEMA_VERSION:
        connection.execute(update(app_schema).values(version=SCHEMA_VERSION))


def _version(connection: Connection, tables: set[str]) -> int:
    if app_schema.name in tables:
        return connection.scalar(select(app_schema.c.version)) or 1
    return 1 if thread.name in tables else SCHEMA_VERSION


def _add_columns(connection: Connection, table: Table, *names: str) -> None:
    for name in names:
        column = CreateColumn(table.c[name]).compile(dialect=connection.dialect)
        connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN {column}"))
