"""Conversations into the database: all that were asked for, or none.

They are written in small transactions as threads of the kind "importing", which nobody sees, so that
chats go on meanwhile; the last transaction makes chats of them. What a crash leaves is swept away.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import delete, insert, select, update

from agents.exchange.known import Known
from agents.exchange.reading import Entry
from agents.exchange.rows import Rows, rows_of, size_of
from agents.tables import metadata, thread
from agents.threads import now_us
from core.database import Database
from core.ids import new_id

KIND = "importing"
BATCH = 50
BATCH_CHARS = 1_000_000
SWEEP_AT_ONCE = 200
ORDER = (
    "thread", "thread_tag", "message", "run", "run_log", "interrupt", "message_rating", "attachment",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    imported: int = 0
    known: int = 0
    """Were there already."""
    broken: int = 0
    messages: int = 0
    complete: bool = True
    """False: it was stopped, and nothing came in."""


def load(
    database: Database,
    entries: Iterable[Entry],
    owner: str,
    *,
    only: Collection[int] | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Loaded:
    """Brings in what is new. `only`: numbers of entries; the others are passed over.

    Raises InvalidInput for a file that cannot be used and StorageError; then nothing came in.
    """
    import_id = new_id()
    known = Known(database, owner)
    waiting: list[Rows] = []
    chars = imported = there = broken = messages = 0
    try:
        for entry in entries:
            if stopped():
                _remove(database, import_id)
                return Loaded(complete=False)
            if only is not None and entry.number not in only:
                continue
            if entry.conversation is None:
                broken += 1
                continue
            digest = entry.conversation.digest()
            if known.has(entry.conversation, digest):
                there += 1
                continue
            known.add(digest)
            rows = rows_of(
                entry.conversation, owner, digest, kind=KIND, group=import_id, now=now_us()
            )
            waiting.append(rows)
            chars += size_of(rows)
            imported += 1
            messages += len(rows["message"])
            if len(waiting) >= BATCH or chars >= BATCH_CHARS:
                _write(database, waiting)
                waiting, chars = [], 0
        _write(database, waiting)
        _show(database, import_id)
    except BaseException:
        _remove(database, import_id)
        raise
    return Loaded(imported=imported, known=there, broken=broken, messages=messages)


def sweep(database: Database) -> int:
    """Removes what an import that did not end has left; gives how many threads. For the start."""
    return _remove(database, None)


def _write(database: Database, waiting: list[Rows]) -> None:
    if not waiting:
        return
    with database.write() as connection:
        for name in ORDER:
            rows = [row for one in waiting for row in one[name]]
            if rows:
                connection.execute(insert(metadata.tables[name]), rows)


def _show(database: Database, import_id: str) -> None:
    """The moment at which all of it is there."""
    with database.write() as connection:
        connection.execute(
            update(thread)
            .where(thread.c.group_id == import_id, thread.c.kind == KIND)
            .values(kind="chat", group_id=None)
        )


def _remove(database: Database, import_id: str | None) -> int:
    query = select(thread.c.id).where(thread.c.kind == KIND)
    if import_id is not None:
        query = query.where(thread.c.group_id == import_id)
    removed = 0
    while True:
        with database.write() as connection:
            ids = list(connection.scalars(query.limit(SWEEP_AT_ONCE)))
            if ids:
                connection.execute(delete(thread).where(thread.c.id.in_(ids)))
        removed += len(ids)
        if len(ids) < SWEEP_AT_ONCE:
            return removed
