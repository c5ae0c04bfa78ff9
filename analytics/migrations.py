"""Brings an analytics database to the current schema: made new, or upgraded in numbered steps.

A step is never edited once released, and says why it exists. It runs inside the caller's write
transaction, so a database is at one version or the next and never between two.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from sqlalchemy import Connection, insert, inspect, literal, select, text, update
from sqlalchemy.schema import CreateColumn

from analytics.schema import SCHEMA_VERSION, incident, metadata, run, schema_meta, stale
from analytics.timeaxis import QUARTER_US
from core.errors import StorageError

Migration = Callable[[Connection], None]

_COLUMNS_OF_2 = (
    "failed_attempts",
    "failed_attempt_us",
    "slo_met",
    "slo_profile",
    "stop_us",
    "tokens_after_stop",
    "content_mode",
    "import_id",
)


_INDEXES_OF_4 = ("run_repeated",)
"""They need columns that are not there before."""


def _to_2(connection: Connection) -> None:
    """Figures made ready, alerts, budgets, reports: new tables, and what a run tells more."""
    for name in _COLUMNS_OF_2:
        column = CreateColumn(run.c[name]).compile(dialect=connection.dialect)
        connection.execute(text(f"ALTER TABLE run ADD COLUMN {column}"))
    metadata.create_all(connection)
    for table in metadata.tables.values():
        for index in table.indexes:
            if index.name not in _INDEXES_OF_4:
                index.create(connection, checkfirst=True)
    quarter = run.c.started_at_us - run.c.started_at_us % QUARTER_US
    connection.execute(
        insert(stale).from_select(
            ["level", "start_us"], select(literal("quarter"), quarter).distinct()
        )
    )


def _to_3(connection: Connection) -> None:
    """Lost files are remembered, so that pages can tell."""
    incident.create(connection, checkfirst=True)


def _to_4(connection: Connection) -> None:
    """Runs tell whether an earlier answer was given again, and what that saved."""
    for name in ("answer_cache", "saved_pusd"):
        column = CreateColumn(run.c[name]).compile(dialect=connection.dialect)
        connection.execute(text(f"ALTER TABLE run ADD COLUMN {column}"))
    for index in run.indexes:
        if index.name in _INDEXES_OF_4:
            index.create(connection, checkfirst=True)


# Version reached -> what to do to a database of the version before.
MIGRATIONS: Mapping[int, Migration] = {2: _to_2, 3: _to_3, 4: _to_4}
MADE = "made_ms"
"""In schema_meta: when the file was made. Tells a file from another one with the same tables."""


class ForeignDatabase(StorageError):
    """A healthy database of another program: never written."""

    default_what_to_do = "Set the address of the analytics database to a file of its own."


class NewerDatabase(ForeignDatabase):
    """One of ours, of a newer release: never written and never moved."""

    default_what_to_do = "Start the newer Switchboard, or move the analytics database away."


def migrate(
    connection: Connection,
    *,
    first_data_version: int,
    migrations: Mapping[int, Migration] = MIGRATIONS,
    target: int = SCHEMA_VERSION,
) -> bool:
    """Makes or upgrades the tables; True when it made them.

    Raises ForeignDatabase when the file belongs to another program.

    `first_data_version`: where the data version of a new file starts. The caller gives the time, so
    that a file made after a broken one counts on instead of repeating versions readers cached.
    """
    names = set(inspect(connection).get_table_names())
    if not names:
        metadata.create_all(connection)
        values = {"version": target, "data_version": first_data_version, MADE: first_data_version}
        rows = [{"name": name, "value": value} for name, value in values.items()]
        connection.execute(insert(schema_meta), rows)
        return True
    refuse_foreign(names)
    version = connection.execute(
        select(schema_meta.c.value).where(schema_meta.c.name == "version")
    ).scalar_one_or_none()
    if version is None or version > target:
        raise NewerDatabase(
            f"The analytics database was made by a newer Switchboard (schema {version}, "
            f"this one knows {target})."
        )
    for number in range(version + 1, target + 1):
        migrations[number](connection)
        connection.execute(
            update(schema_meta).where(schema_meta.c.name == "version").values(value=number)
        )
    return False


def refuse_foreign(names: Collection[str]) -> None:
    """Raises ForeignDatabase when these tables are of another program."""
    if names and schema_meta.name not in names:
        raise ForeignDatabase(
            f"The analytics database holds tables of another program: {sorted(names)[0]}."
        )
