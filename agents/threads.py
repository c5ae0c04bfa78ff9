"""Threads and messages: the history people see. Every call names the owner it is for."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import Connection, Row, delete, func, select, update
from sqlalchemy import insert as sql_insert

from agents import branches
from agents.databases import Databases
from agents.files.store import copy_files
from agents.run import ThreadKind
from agents.tables import attachment, message, queued_message, run, run_log, thread
from core.database import Database
from core.errors import InvalidInput, NotFound, ThreadBusy
from core.ids import is_id, new_id
from core.text import short_title
from core.transcript import AnswerSummary

ACTIVE = ("queued", "running")
"""States of a run that has not ended."""
EVERYTHING = 100_000
"""More messages than a branch has."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Thread:
    id: str
    owner: str
    kind: str
    title: str
    created_at_us: int
    updated_at_us: int
    head_id: str | None
    """The last message of the branch people see."""
    temporary: bool
    """In memory only."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ThreadState:
    """What tells two looks at a thread apart, without reading it."""

    head_id: str | None
    run_id: str | None
    """The newest run, whether it has ended or not."""
    listed_us: int | None
    """When a chat of the owner last began or got an answer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Message:
    id: str
    parent_id: str | None
    run_id: str
    role: Literal["user", "assistant"]
    text: str
    summary: AnswerSummary | None
    created_at_us: int
    versions: tuple[str, ...]
    """Ids of the messages with the same parent, itself included, oldest first."""
    follows_question: bool
    """Whether the message before it is a person's."""


class ThreadStore:
    """Reads and changes threads. A foreign or unknown id raises the same NotFound."""

    def __init__(self, database: Database | Databases) -> None:
        self._dbs = Databases.around(database)
        self._db = self._dbs.kept

    def get(self, thread_id: object, owner: str) -> Thread:
        if is_id(thread_id):
            query = select(thread).where(thread.c.id == thread_id, thread.c.owner == owner)
            with self._dbs.of(str(thread_id)).read() as connection:
                row = connection.execute(query).first()
            if row is not None:
                return self._thread(row)
        raise NotFound(
            "There is no such thread.",
            what_to_do="Choose a thread from the list or start a new one.",
        )

    def state(self, thread_id: str | None, owner: str) -> ThreadState | None:
        """A tenth of a millisecond; None when the thread is gone. Without a thread: of the list."""
        newest = select(func.max(thread.c.updated_at_us)).where(
            thread.c.owner == owner, thread.c.kind == "chat"
        )
        with self._db.read() as connection:
            listed_us = connection.scalar(newest)
        if thread_id is None:
            return ThreadState(head_id=None, run_id=None, listed_us=listed_us)
        last_run = (
            select(run.c.id)
            .where(run.c.thread_id == thread.c.id)
            .order_by(run.c.started_at_us.desc())
            .limit(1)
            .scalar_subquery()
        )
        query = select(thread.c.head_id, last_run).where(
            thread.c.id == thread_id, thread.c.owner == owner
        )
        with self._dbs.of(thread_id).read() as connection:
            row = connection.execute(query).first()
        if row is None:
            return None
        return ThreadState(head_id=row[0], run_id=row[1], listed_us=listed_us)

    def recent(self, owner: str, *, kind: str = "chat", limit: int = 50) -> list[Thread]:
        """Newest first."""
        query = (
            select(thread)
            .where(thread.c.owner == owner, thread.c.kind == kind)
            .order_by(thread.c.updated_at_us.desc(), thread.c.id.desc())
            .limit(limit)
        )
        with self._db.read() as connection:
            return [self._thread(row) for row in connection.execute(query)]

    def of_group(self, group_id: str, owner: str) -> list[str]:
        """Ids of the threads of a comparison or an evaluation."""
        query = select(thread.c.id).where(thread.c.owner == owner, thread.c.group_id == group_id)
        with self._db.read() as connection:
            return list(connection.scalars(query))

    def messages(
        self, thread_id: str, owner: str, *, limit: int = 50, before: str | None = None
    ) -> list[Message]:
        """The newest `limit` messages of the branch that is shown, in reading order.

        `before`: only what came before that message of the thread. Raises NotFound.
        """
        head = self.get(thread_id, owner).head_id
        if before is not None:
            found, last = self.message(before, owner)
            if found.id != thread_id:
                raise NotFound("There is no such message.", what_to_do="It may have been deleted.")
            head = last.parent_id
        if head is None:
            return []
        with self._dbs.of(thread_id).read() as connection:
            return _messages(connection, branches.rows_of_branch(connection, head, limit))

    def message(self, message_id: object, owner: str) -> tuple[Thread, Message]:
        """One message and its thread. Raises NotFound."""
        query = select(message).where(message.c.id == message_id)
        for database in self._dbs.all() if is_id(message_id) else ():
            with database.read() as connection:
                rows = connection.execute(query).all()
                found = _messages(connection, rows)
            if rows:
                return self.get(rows[0].thread_id, owner), found[0]
        raise NotFound("There is no such message.", what_to_do="It may have been deleted.")

    def followers(self, message_id: str, owner: str) -> tuple[str, ...]:
        """Ids of the messages that follow a message, oldest first. Raises NotFound."""
        found, _ = self.message(message_id, owner)
        with self._dbs.of(found.id).read() as connection:
            return branches.versions(connection, found.id, [message_id]).get(message_id, ())

    def question_of(self, message_id: str, owner: str) -> Message:
        """The question that an answer belongs to; a question's is itself. Raises NotFound."""
        found, _ = self.message(message_id, owner)
        with self._dbs.of(found.id).read() as connection:
            row = branches.question_above(connection, message_id)
        if row is None:
            raise NotFound("The question of this answer is gone.")
        return self.message(row.id, owner)[1]

    def show(self, message_id: str, owner: str, *, ends: bool = False) -> None:
        """Switches a thread to the newest branch through a message, or to the one that ends with it.

        Raises NotFound.
        """
        found, _ = self.message(message_id, owner)
        with self._dbs.of(found.id).write() as connection:
            head = message_id if ends else branches.newest_below(connection, message_id)
            connection.execute(update(thread).where(thread.c.id == found.id).values(head_id=head))

    def rename(self, thread_id: str, owner: str, title: str) -> None:
        self.get(thread_id, owner)
        with self._dbs.of(thread_id).write() as connection:
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
        self, thread_id: str, owner: str, *, kind: ThreadKind = "chat", upto: str | None = None
    ) -> str:
        """A new thread with the branch that is shown, or the one that ends with a message.

        Gives its id. Its messages name the runs they came from, which stay with the other thread;
        the agents' memory goes on from theirs.
        """
        source, copy_id, now = self.get(thread_id, owner), new_id(), now_us()
        head = source.head_id if upto is None else self.message(upto, owner)[1].id
        if source.temporary:
            self._dbs.add_temporary(copy_id)
        with self._dbs.of(thread_id).write() as connection:
            rows = [] if head is None else branches.rows_of_branch(connection, head, EVERYTHING)
            connection.execute(
                sql_insert(thread).values(
                    id=copy_id,
                    owner=owner,
                    kind=kind,
                    title=source.title,
                    created_at_us=now,
                    updated_at_us=now,
                    seen_at_us=now,
                )
            )
            copies: list[dict[str, Any]] = []
            for position, row in enumerate(rows):
                parent = copies[-1]["id"] if copies else None
                changed = {"id": new_id(), "thread_id": copy_id, "parent_id": parent}
                copies.append({**row._mapping, **changed, "position": position})
            if copies:
                connection.execute(sql_insert(message), copies)
                ids = {row.id: copied["id"] for row, copied in zip(rows, copies, strict=True)}
                copy_files(connection, thread_id, copy_id, ids)
                connection.execute(
                    update(thread).where(thread.c.id == copy_id).values(head_id=copies[-1]["id"])
                )
        return copy_id

    def delete(self, thread_id: str, owner: str) -> list[str]:
        """Removes the thread with its messages, runs and logs; gives the ids of its runs."""
        self.get(thread_id, owner)
        database = self._dbs.of(thread_id)
        with database.write() as connection:
            runs = select(run.c.id).where(run.c.thread_id == thread_id)
            ids = list(connection.scalars(runs))
            connection.execute(delete(run_log).where(run_log.c.run_id.in_(runs)))
            connection.execute(delete(message).where(message.c.thread_id == thread_id))
            connection.execute(delete(run).where(run.c.thread_id == thread_id))
            connection.execute(delete(thread).where(thread.c.id == thread_id))
        database.empty_log()
        return ids

    def clear(self, thread_id: str, owner: str) -> None:
        """Removes what was said in a chat, its runs, logs and files; the thread itself stays.

        Raises NotFound, and ThreadBusy while it answers.
        """
        if self.get(thread_id, owner).kind != "chat":
            raise InvalidInput(
                "This thread belongs to a comparison or an evaluation.",
                what_to_do="Delete it there.",
            )
        database = self._dbs.of(thread_id)
        with database.write() as connection:
            active = select(run.c.id).where(run.c.thread_id == thread_id, run.c.status.in_(ACTIVE))
            if connection.scalar(active) is not None:
                raise ThreadBusy("This thread is still answering.")
            for table in (queued_message, attachment, message, run):
                connection.execute(delete(table).where(table.c.thread_id == thread_id))
            connection.execute(update(thread).where(thread.c.id == thread_id).values(head_id=None))
        database.empty_log()

    def counts(self) -> dict[str, int]:
        """Rows per table, for the Settings page."""
        with self._db.read() as connection:
            return {
                table.name: connection.scalar(select(func.count()).select_from(table)) or 0
                for table in (thread, message, run)
            }

    def _thread(self, row: Row[Any]) -> Thread:
        return Thread(
            id=row.id,
            owner=row.owner,
            kind=row.kind,
            title=row.title,
            created_at_us=row.created_at_us,
            updated_at_us=row.updated_at_us,
            head_id=row.head_id,
            temporary=self._dbs.is_temporary(row.id),
        )


def now_us() -> int:
    """UTC microseconds since the epoch."""
    return time.time_ns() // 1000


def _messages(connection: Connection, rows: Sequence[Any]) -> list[Message]:
    """Of one thread."""
    if not rows:
        return []
    parents = [row.parent_id for row in rows]
    versions = branches.versions(connection, rows[0].thread_id, parents)
    questions = branches.questions_among(connection, parents)
    return [
        Message(
            id=row.id,
            parent_id=row.parent_id,
            run_id=row.run_id,
            role=row.role,
            text=row.text,
            summary=AnswerSummary.from_dict(row.summary) if row.summary else None,
            created_at_us=row.created_at_us,
            versions=versions[row.parent_id],
            follows_question=row.parent_id in questions,
        )
        for row in rows
    ]
