"""Messages sent while their thread still answers: kept in the database, sent one after the other.

The next one is sent when an answer is complete. After a stop, an error, a question to people or a
restart the queue rests: nobody has seen what it would build on, and it would cost money. It goes on
with the next complete answer or when a person sends a message of it now.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update

from agents.databases import Databases
from agents.run import Run, TurnRequest
from agents.tables import queued_message
from agents.threads import now_us
from core.errors import NotFound, Overloaded, SwitchboardError
from core.events import Event
from core.identity import Figures
from core.ids import is_id, new_id

log = logging.getLogger(__name__)
MOST_WAITING = 20
"""Messages of one thread: each builds on an answer that nobody has seen."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Queued:
    id: str
    thread_id: str
    text: str
    created_at_us: int


class MessageQueue:
    """One per process. Its methods may be called from any thread; a foreign id raises NotFound."""

    def __init__(
        self,
        databases: Databases,
        *,
        start: Callable[[TurnRequest], Run],
        start_instead: Callable[[TurnRequest], Run],
        active: Callable[[str], Run | None],
        drop_file: Callable[[str, str], None],
        figures_now: Callable[[str, Figures], Figures] = lambda owner, asked: asked,
    ) -> None:
        """`start` begins a run, `start_instead` stops the one of the thread before, `active` gives it.
        `drop_file` deletes an attachment of an owner. `figures_now`: see agents/identity/desk.py."""
        self._dbs = databases
        self._start = start
        self._start_instead = start_instead
        self._active = active
        self._drop_file = drop_file
        self._figures_now = figures_now
        self._sender = ThreadPoolExecutor(1, thread_name_prefix="queue")
        self._figures: dict[str, Figures] = {}
        """What those who queued a message may see, kept here only: after a restart it is their own."""
        self.problems: dict[str, SwitchboardError] = {}
        """Thread to why its next message could not be sent."""

    def demand_room(self, thread_id: str) -> None:
        """Raises Overloaded when no further message of a thread may wait."""
        of_thread = queued_message.c.thread_id == thread_id
        query = select(func.count()).select_from(queued_message).where(of_thread)
        with self._dbs.of(thread_id).read() as connection:
            count = connection.execute(query).scalar_one()
        if count >= MOST_WAITING:
            raise Overloaded(
                f"{count} messages are waiting in this chat already.",
                what_to_do="Wait until some are answered, or remove some.",
            )

    def add(self, request: TurnRequest) -> Queued:
        """The request must have been checked, and name its thread."""
        one = Queued(
            id=new_id(),
            thread_id=str(request.thread_id),
            text=request.text,
            created_at_us=now_us(),
        )
        kept = {k: v for k, v in asdict(request).items() if k not in ("text", "figures")}
        self._figures[one.id] = request.figures
        with self._dbs.of(request.thread_id).write() as connection:
            connection.execute(
                insert(queued_message).values(**asdict(one), owner=request.owner, request=kept)
            )
        return one

    def of_thread(self, thread_id: str, owner: str) -> list[Queued]:
        """In the order in which they will be sent."""
        return [_queued(row) for row in self._rows(thread_id, owner)]

    def edit(self, queued_id: str, owner: str, text: str) -> None:
        row = self._row(queued_id, owner)
        with self._dbs.of(row.thread_id).write() as connection:
            connection.execute(
                update(queued_message).where(queued_message.c.id == row.id).values(text=text)
            )

    def remove(self, queued_id: str, owner: str) -> None:
        row = self._row(queued_id, owner)
        with self._dbs.of(row.thread_id).write() as connection:
            connection.execute(delete(queued_message).where(queued_message.c.id == row.id))
        self._figures.pop(row.id, None)
        for attachment_id in row.request.get("attachments", ()):
            self._drop_file(attachment_id, owner)

    def send_now(self, queued_id: str, owner: str) -> Run:
        """Stops what the thread answers, if it does, and sends this message. Raises what `start` does."""
        return self._send(self._row(queued_id, owner), self._start_instead)

    def observe(self, run: Run, event: Event) -> None:
        """An observer of runs: a complete answer lets the next message go."""
        if event.type == "completed":
            self._sender.submit(self._send_next, run.thread_id, run.request.owner)

    def close(self) -> None:
        """What is queued stays in the database."""
        self._sender.shutdown(wait=True, cancel_futures=True)

    def _send_next(self, thread_id: str, owner: str) -> None:
        try:
            rows = self._rows(thread_id, owner)
            if rows and self._idle(thread_id):
                self._send(rows[0], self._start)
        except SwitchboardError as exc:
            log.warning("a queued message of thread %s was not sent: %s", thread_id, exc.message)
            self.problems[thread_id] = exc
        except Exception:
            log.exception("a queued message of thread %s was not sent", thread_id)

    def _idle(self, thread_id: str) -> bool:
        active = self._active(thread_id)
        return active is None or active.finished

    def _send(self, row: Row[Any], start: Callable[[TurnRequest], Run]) -> Run:
        figures = self._figures_now(row.owner, self._figures.get(row.id, "own"))
        given = {"text": row.text, "queued_id": row.id, "figures": figures}
        run = start(TurnRequest(**{**row.request, **given}))
        self._figures.pop(row.id, None)
        self.problems.pop(row.thread_id, None)
        return run

    def _rows(self, thread_id: str, owner: str) -> list[Row[Any]]:
        query = (
            select(queued_message)
            .where(queued_message.c.thread_id == thread_id, queued_message.c.owner == owner)
            .order_by(queued_message.c.created_at_us, queued_message.c.id)
        )
        with self._dbs.of(thread_id).read() as connection:
            return list(connection.execute(query))

    def _row(self, queued_id: str, owner: str) -> Row[Any]:
        query = select(queued_message).where(
            queued_message.c.id == queued_id, queued_message.c.owner == owner
        )
        for database in self._dbs.all() if is_id(queued_id) else ():
            with database.read() as connection:
                row = connection.execute(query).first()
            if row is not None:
                return row
        raise NotFound(
            "This message is not waiting any more.",
            what_to_do="It may have been sent already: reload the page.",
        )


def _queued(row: Row[Any]) -> Queued:
    return Queued(
        id=row.id, thread_id=row.thread_id, text=row.text, created_at_us=row.created_at_us
    )
