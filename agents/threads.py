"""Threads and messages: the history people see. Every call names the owner it is for."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Row, delete, func, select, update
from sqlalchemy import insert as sql_insert

from agents.run import ThreadKind
from agents.tables import message, preference, run, run_log, thread
from core.database import Database
from core.errors import NotFound
from core.ids import is_id, new_id
from core.text import short_title
from core.transcript import AnswerSummary


@dataclass(frozen=True, kw_only=True, slots=True)
class Thread:
    id: str
    owner: str
    kind: str
    title: str
    created_at_us: int
    updated_at_us: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    id: str
    run_id: str
    position: int
    role: Literal["user", "assistant"]
    text: str
    summary: AnswerSummary | None
    created_at_us: int


class ThreadStore:
    """Reads and changes threads. A foreign or unknown id raises the same NotFound."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def get(self, thread_id: object, owner: str) -> Thread:
        if is_id(thread_id):
            query = select(thread).where(thread.c.id == thread_id, thread.c.owner == owner)
            with self._db.read() as connection:
                row = connection.execute(query).first()
            if row is not None:
                return _thread(row)
        raise NotFound(
            "There is no such thread.",
            what_to_do="Choose a thread from the list or start a new one.",
        )

    def recent(self, owner: str, *, kind: str = "chat", limit: int = 50) -> list[Thread]:
        """Newest first."""
        query = (
            select(thread)
            .where(thread.c.owner == owner, thread.c.kind == kind)
            .order_by(thread.c.updated_at_us.desc(), thread.c.id.desc())
            .limit(limit)
        )
        with self._db.read() as connection:
            return [_thread(row) for row in connection.execute(query)]

    def of_group(self, group_id: str, owner: str) -> list[str]:
        """Ids of the threads of a comparison or an evaluation."""
        query = select(thread.c.id).where(thread.c.owner == owner, thread.c.group_id == group_id)
        with self._db.read() as connection:
            return list(connection.scalars(query))

    def messages(
        self, thread_id: str, owner: str, *, limit: int = 50, before: int | None = None
    ) -> list[Message]:
        """The newest `limit` messages in reading order; `before` a position pages back."""
        self.get(thread_id, owner)
        query = select(message).where(message.c.thread_id == thread_id)
        if before is not None:
            query = query.where(message.c.position < before)
        query = query.order_by(message.c.position.desc()).limit(limit)
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        return [_message(row) for row in reversed(rows)]

    def rename(self, thread_id: str, owner: str, title: str) -> None:
        self.get(thread_id, owner)
        with self._db.write() as connection:
            connection.execute(
                update(thread).where(thread.c.id == thread_id).values(title=short_title(title))
            )

    def promote(self, thread_id: str, owner: str) -> None:
        """Makes a comparison's thread a chat, so that it is listed. Harmless for a chat."""
        self.get(thread_id, owner)
        with self._db.write() as connection:
            connection.execute(
                update(thread)
                .where(thread.c.id == thread_id, thread.c.kind == "compare")
                .values(kind="chat", updated_at_us=now_us())
            )

    def copy(
        self,
        thread_id: str,
        owner: str,
        *,
        kind: ThreadKind,
        group_id: str | None = None,
        before: int | None = None,
    ) -> str:
        """A new thread with the messages of another, or those before a position; gives its id.

        The agents' memory of it is made anew from them. Its messages name the runs they came from,
        which stay with the other thread.
        """
        source, copy_id, now = self.get(thread_id, owner), new_id(), now_us()
        query = select(message).where(message.c.thread_id == thread_id)
        if before is not None:
            query = query.where(message.c.position < before)
        with self._db.write() as connection:
            rows = [dict(row._mapping) for row in connection.execute(query)]
            connection.execute(
                sql_insert(thread).values(
                    id=copy_id,
                    owner=owner,
                    kind=kind,
                    group_id=group_id,
                    title=source.title,
                    created_at_us=now,
                    updated_at_us=now,
                )
            )
            for row in rows:
                row |= {"id": new_id(), "thread_id": copy_id}
            if rows:
                connection.execute(sql_insert(message), rows)
        return copy_id

    def delete(self, thread_id: str, owner: str) -> list[str]:
        """Removes the thread with its messages, runs and logs; gives the ids of its runs."""
        self.get(thread_id, owner)
        with self._db.write() as connection:
            runs = select(run.c.id).where(run.c.thread_id == thread_id)
            ids = list(connection.scalars(runs))
            connection.execute(delete(run_log).where(run_log.c.run_id.in_(runs)))
            connection.execute(delete(message).where(message.c.thread_id == thread_id))
            connection.execute(delete(run).where(run.c.thread_id == thread_id))
            connection.execute(delete(thread).where(thread.c.id == thread_id))
        self._db.empty_log()
        return ids

    def counts(self) -> dict[str, int]:
        """Rows per table, for the Settings page."""
        with self._db.read() as connection:
            return {
                table.name: connection.scalar(select(func.count()).select_from(table)) or 0
                for table in (thread, message, run)
            }

    def preferences(self, owner: str) -> dict[str, Any]:
        query = select(preference.c.name, preference.c.value).where(preference.c.owner == owner)
        with self._db.read() as connection:
            return {row.name: row.value for row in connection.execute(query)}

    def set_preference(self, owner: str, name: str, value: Any) -> None:
        with self._db.write() as connection:
            connection.execute(
                delete(preference).where(preference.c.owner == owner, preference.c.name == name)
            )
            if value is not None:
                row = {"owner": owner, "name": name, "value": value}
                connection.execute(sql_insert(preference).values(row))


def now_us() -> int:
    """UTC microseconds since the epoch."""
    return time.time_ns() // 1000


def _thread(row: Row[Any]) -> Thread:
    return Thread(
        id=row.id,
        owner=row.owner,
        kind=row.kind,
        title=row.title,
        created_at_us=row.created_at_us,
        updated_at_us=row.updated_at_us,
    )


def _message(row: Row[Any]) -> Message:
    return Message(
        id=row.id,
        run_id=row.run_id,
        position=row.position,
        role=row.role,
        text=row.text,
        summary=AnswerSummary.from_dict(row.summary) if row.summary else None,
        created_at_us=row.created_at_us,
    )
