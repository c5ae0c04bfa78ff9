"""The agents' memory: LangGraph's official SQLite saver, written once per run and pruned.

A checkpoint is disposable: the history people see is in app.db, and a lost or damaged file costs an
agent its working memory, which the next run rebuilds from that history. The saver writes the whole
state each time and has no prune of its own: 1,000 turns would be gigabytes.
"""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.run import Checkpoint
from core.database import set_aside, storage_error

if TYPE_CHECKING:
    from langgraph.checkpoint.base import CheckpointTuple
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

log = logging.getLogger(__name__)
KEEP = 3

_OLD = """
    thread_id = :thread AND (checkpoint_ns, checkpoint_id) IN (
        SELECT checkpoint_ns, checkpoint_id FROM (
            SELECT checkpoint_ns, checkpoint_id, row_number() OVER (
                PARTITION BY checkpoint_ns ORDER BY checkpoint_id DESC) AS age
            FROM checkpoints WHERE thread_id = :thread)
        WHERE age > :keep)
"""


async def open_saver(path: str | Path) -> AsyncSqliteSaver:
    """Opens the saver on the running loop; `:memory:` is one that leaves nothing behind. A damaged
    file is set aside and a new one made."""
    try:
        return await _open(path)
    except sqlite3.DatabaseError as exc:
        if "malformed" not in str(exc) and "not a database" not in str(exc):
            raise storage_error(exc, str(path)) from exc
        log.warning("checkpoints were damaged (%s); kept as %s", exc, set_aside(Path(path)))
        return await _open(path)


async def _open(path: str | Path) -> AsyncSqliteSaver:
    import aiosqlite
    from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

    connection = await aiosqlite.connect(path)
    try:
        await connection.execute("PRAGMA auto_vacuum=INCREMENTAL")
        saver = AsyncSqliteSaver(connection)
        await saver.setup()
        async with connection.execute("PRAGMA quick_check(1)") as cursor:
            row = await cursor.fetchone()
        if row is None or row[0] != "ok":
            raise sqlite3.DatabaseError("malformed: quick_check failed")
        await connection.execute("PRAGMA synchronous=NORMAL")
        await connection.execute("PRAGMA secure_delete=ON")
    except BaseException:
        await connection.close()
        raise
    return saver


async def prune(saver: AsyncSqliteSaver, thread: str, keep: int = KEEP) -> None:
    """Leaves the newest checkpoints of a thread. Never called for one that waits for a person."""
    arguments = {"thread": thread, "keep": keep}
    async with saver.lock:
        await saver.conn.execute(f"DELETE FROM writes WHERE {_OLD}", arguments)
        await saver.conn.execute(f"DELETE FROM checkpoints WHERE {_OLD}", arguments)
        await saver.conn.commit()


async def newest(saver: AsyncSqliteSaver, thread: str) -> str | None:
    """Id of the newest checkpoint of a saver's thread; None when it has none."""
    query = "SELECT max(checkpoint_id) FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ''"
    async with saver.lock, saver.conn.execute(query, (thread,)) as cursor:
        row = await cursor.fetchone()
    return row[0] if row is not None else None


async def copy(
    saver: AsyncSqliteSaver, found: Checkpoint, thread: str, *, waiting: bool = False
) -> bool:
    """Puts a checkpoint at the beginning of another thread; False when it is not there any more.

    `waiting`: with what waits there for people. Their questions are pending writes, and those of a
    subgraph stand with checkpoints of its own.
    """
    place: Any = {"thread_id": found.thread, "checkpoint_ns": "", "checkpoint_id": found.id}
    held = await saver.aget_tuple({"configurable": place})
    if held is None:
        return False
    await _put(saver, held, thread, waiting)
    if waiting:
        everything: Any = {"configurable": {"thread_id": found.thread}}
        for other in [each async for each in saver.alist(everything)]:  # holds a lock until it ends
            if (other.metadata.get("parents") or {}).get("") == found.id:
                await _put(saver, other, thread, waiting)
    return True


async def _put(
    saver: AsyncSqliteSaver, held: CheckpointTuple, thread: str, with_writes: bool
) -> None:
    ns = held.config["configurable"].get("checkpoint_ns", "")
    target: Any = {"configurable": {"thread_id": thread, "checkpoint_ns": ns}}
    versions = held.checkpoint["channel_versions"]
    placed = await saver.aput(target, held.checkpoint, held.metadata, versions)
    writes: dict[str, list[tuple[str, Any]]] = {}
    for task_id, channel, value in (held.pending_writes or ()) if with_writes else ():
        writes.setdefault(task_id, []).append((channel, value))
    for task_id, made in writes.items():
        await saver.aput_writes(placed, made, task_id)


async def forget(saver: AsyncSqliteSaver, thread_id: str) -> None:
    """Deletes all checkpoints of all graphs and branches of a thread."""
    first, after = f"{thread_id}:", f"{thread_id};"  # ";" is the next character after ":"
    async with saver.lock:
        for table in ("writes", "checkpoints"):
            query = f"DELETE FROM {table} WHERE thread_id >= ? AND thread_id < ?"
            await saver.conn.execute(query, (first, after))
        await saver.conn.commit()
    async with saver.lock, saver.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)") as cursor:
        await cursor.fetchall()  # deleted text is not left in the log either
