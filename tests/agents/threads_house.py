"""Chats as they lie in app.db, made row by row: for tests of the list and of search."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import insert

from agents.migrations import make_or_migrate
from agents.tables import interrupt, message, message_rating, run, thread
from core.database import Database
from core.ids import new_id

BEGIN_US = 1_700_000_000_000_000
MINUTE_US = 60_000_000


def open_database(folder: Path) -> Database:
    return Database(f"sqlite:///{folder / 'app.db'}", prepare=make_or_migrate)


class Chats:
    """Each chat is a minute younger than the one before."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock_us = BEGIN_US

    def add(
        self,
        title: str = "A chat",
        question: str = "What is it?",
        answer: str = "It is this.",
        *,
        owner: str = "local",
        kind: str = "chat",
        seen: bool = True,
        source: str | None = None,
        **summary: Any,
    ) -> str:
        thread_id, ids = new_id(), (new_id(), new_id())
        self.clock_us += MINUTE_US
        asked_us, answered_us = self.clock_us, self.clock_us + 1_000_000
        with self.database.write() as connection:
            connection.execute(
                insert(thread).values(
                    id=thread_id, owner=owner, kind=kind, title=title, created_at_us=asked_us,
                    updated_at_us=answered_us, head_id=ids[1], source=source,
                    seen_at_us=answered_us if seen else None,
                )
            )  # fmt: skip
            rows: list[dict[str, Any]] = [
                {"role": "user", "text": question, "summary": None, "created_at_us": asked_us},
                {
                    "role": "assistant",
                    "text": answer,
                    "summary": {"status": "completed", **summary},
                    "created_at_us": answered_us,
                },
            ]
            for n, row in enumerate(rows):
                row |= {"id": ids[n], "thread_id": thread_id, "position": n, "run_id": new_id()}
                row["parent_id"] = ids[0] if n else None
            connection.execute(insert(message), rows)
        return thread_id

    def answer_of(self, thread_id: str) -> str:
        from sqlalchemy import select

        with self.database.read() as connection:
            query = select(thread.c.head_id).where(thread.c.id == thread_id)
            return str(connection.scalar(query))

    def rate(self, thread_id: str, thumb: int) -> None:
        with self.database.write() as connection:
            connection.execute(
                insert(message_rating).values(
                    message_id=self.answer_of(thread_id), owner="local", thumb=thumb, reasons=[],
                    comment="", rated_at_us=1,
                )
            )  # fmt: skip

    def ask_people(self, thread_id: str, *, answered: bool = False) -> None:
        run_id = new_id()
        with self.database.write() as connection:
            connection.execute(
                insert(run).values(
                    id=run_id, thread_id=thread_id, owner="local", graph="react",
                    status="interrupted", request={}, question_id=new_id(), parent_id=new_id(),
                    position=1, started_at_us=1,
                )
            )  # fmt: skip
            connection.execute(
                insert(interrupt).values(
                    run_id=run_id, interrupt_id="i", owner="local", value="{}", asked_at_us=1,
                    answered_at_us=2 if answered else None,
                )
            )  # fmt: skip
