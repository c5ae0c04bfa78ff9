"""The tables of analytics as one person may see them.

A connection for single people has a temporary view before every table that knows of people. The view
has the table's name, so every statement, however it was made, finds that person's rows only; nobody
has to remember a condition. The block tables stay whole: their cells hold everybody's sums, and
`Facts.of` keeps those of the person.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from sqlalchemy import Connection

from analytics.schema import metadata

_OWNER = "switchboard_owner"
_OF_RUN = "run_id IN (SELECT run_id FROM {schema}.run WHERE user_id = {owner})"
_OF_ONE_RUN = (
    "EXISTS (SELECT 1 FROM {schema}.run AS of_run "
    "WHERE of_run.run_id = {table}.run_id AND of_run.user_id = {owner})"
)
_NOTHING = "1 = 0"

SEEN: dict[str, str | None] = {
    "run": "user_id = {owner}",
    "step": _OF_ONE_RUN,
    "llm_call": _OF_ONE_RUN,
    "content": _OF_ONE_RUN,
    "cost_history": _OF_ONE_RUN,
    # Found by its run, and few: from there the database should begin.
    "feedback": _OF_RUN,
    "saved_view": "owner = {owner}",
    # A note may say anything about anybody; releases are facts of the installation.
    "annotation": "kind = 'release'",
    # What the whole installation does, counts and keeps.
    "document_day": _NOTHING,
    "alert_rule": _NOTHING,
    "alert_event": _NOTHING,
    "budget": _NOTHING,
    "report": _NOTHING,
    "import_batch": _NOTHING,
    "incident": _NOTHING,
    # Sums of everybody, which `Facts.of` narrows, and what they are made of.
    "block": None,
    "label": None,
    "stale": None,
    # Not about people.
    "schema_meta": None,
    "repricing": None,
}
"""What of each table one person sees, as SQL; None: the table itself. A test names every table."""


def stand_before_tables(connection: Any, record: Any) -> None:
    """Makes the views of a new connection."""
    if isinstance(connection, sqlite3.Connection):
        record.info["owner"] = cell = [""]
        connection.create_function(_OWNER, 0, lambda: cell[0], deterministic=True)
        connection.execute("PRAGMA temp_store=MEMORY")
        for view in _views("main", f"{_OWNER}()"):
            connection.execute(view)
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(current_schema())")
        schema = cursor.fetchone()[0]
        for view in _views(schema, "current_setting('switchboard.owner', true)"):
            cursor.execute(view)
    connection.commit()


def look_as(connection: Connection, owner: str) -> None:
    """Whose rows the views show in the transaction that has begun."""
    if connection.dialect.name == "sqlite":
        connection.info["owner"][0] = owner
        return
    connection.exec_driver_sql("SELECT set_config('switchboard.owner', %s, true)", (owner,))


def _views(schema: str, owner: str) -> list[str]:
    return [
        f"CREATE TEMPORARY VIEW {table.name} AS SELECT * FROM {schema}.{table.name} "
        f"WHERE {shown.format(schema=schema, table=table.name, owner=owner)}"
        for table in metadata.sorted_tables
        if (shown := SEEN[table.name]) is not None
    ]
