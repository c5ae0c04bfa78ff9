"""Runs on disk: the question before the first event, a journal while it runs, the answer at the end.

The journal is what a kill -9 leaves: at the next start `recover` turns what it finds into a saved
partial answer marked "lost", so that nothing already shown disappears and the thread goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from agents import once
from agents.branches import branch
from agents.databases import Databases
from agents.ending import save_answer
from agents.placing import place
from agents.run import Checkpoint, Place, Run, TurnRequest
from agents.tables import message, run, run_log, thread
from agents.threads import ACTIVE
from core.database import Database
from core.errors import NotFound, ThreadBusy
from core.events import Completed, Event
from core.ids import is_id, new_id
from core.log_codec import decode_log, encode_log
from core.text import short_title
from core.transcript import AnswerSummary, Transcript, summarise

log = logging.getLogger(__name__)
NO_RUN = ""
"""Of a message that no run of this house made."""
IMPORTED = "imported"
"""Of a run that happened elsewhere and came with its thread: it counts in no figures here."""
KeepFiles = Callable[[Connection, Run, str, Mapping[str, str]], None]
"""Gets the run, the id of its question, and the messages of files that came with earlier ones."""
_NOT_KEPT = frozenset({"text", "earlier", "once"})
"""Of a request: two are messages of the thread; one that is asked for again is another request."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EndedRun:
    """A run as it is kept: enough to record it again."""

    id: str
    thread_id: str
    owner: str
    graph: str
    entry_point: str
    stream: bool
    status: str
    started_at_us: int
    events: Sequence[Event]
    """Its log, as far as it can be read."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EndedAnswer:
    question: str
    text: str
    summary: AnswerSummary


@dataclass(frozen=True, kw_only=True, slots=True)
class HistoryRow:
    message_id: str
    role: str
    text: str
    graph: str | None
    checkpoint: Checkpoint | None
    """The agents' memory after the run of this message; None when there is none."""
    waits: bool
    """Whether that run waits for people: its memory is left as it is."""


class RunStore:
    """Used by RunManager. Every method is one transaction and raises StorageError on a bad disk."""

    def __init__(self, database: Database | Databases, keep_files: KeepFiles | None = None) -> None:
        """`keep_files`: stores the files of a new question within its transaction."""
        self._keep_files = keep_files
        self._dbs = Databases.around(database)
        self._db = self._dbs.kept

    def is_temporary(self, run_id: str) -> bool:
        """Whether nothing of a run but counters may be kept."""
        return self._dbs.is_temporary(run_id)

    def begin(self, new_run: Run) -> Place:
        """Saves the question (and a new thread for it) and marks the thread as busy.

        Raises ThreadBusy when the thread has an active run, NotFound for a foreign thread or message,
        AskedBefore for a request that another run answers.
        """
        request = new_run.request
        if request.temporary and request.thread_id is None:
            self._dbs.add_temporary(new_run.thread_id)
        if self._dbs.is_temporary(new_run.thread_id):
            self._dbs.add_temporary(new_run.id)
        with self._dbs.of(new_run.id).write() as connection:
            once.refuse_second(connection, request)
            self._claim_thread(connection, new_run)
            elsewhere = _say_earlier(connection, new_run)
            found, position = place(connection, new_run)
            if request.attachments and self._keep_files is not None:
                self._keep_files(connection, new_run, found.question_id, elsewhere)
            connection.execute(
                insert(run).values(
                    id=new_run.id,
                    thread_id=new_run.thread_id,
                    owner=request.owner,
                    graph=request.graph,
                    status="queued",
                    request={k: v for k, v in asdict(request).items() if k not in _NOT_KEPT},
                    question_id=found.question_id,
                    parent_id=found.parent_id,
                    position=position,
                    started_at_us=new_run.started_at_us,
                )
            )
            once.note(connection, request, new_run.id)
        return found

    def _claim_thread(self, connection: Connection, new_run: Run) -> None:
        request = new_run.request
        if request.thread_id is None:
            connection.execute(
                insert(thread).values(
                    id=new_run.thread_id,
                    owner=request.owner,
                    kind=request.thread_kind,
                    group_id=request.group_id,
                    title=short_title(request.text),
                    created_at_us=new_run.started_at_us,
                    updated_at_us=new_run.started_at_us,
                    seen_at_us=new_run.started_at_us,
                )
            )
            return
        owner = connection.scalar(select(thread.c.owner).where(thread.c.id == new_run.thread_id))
        if owner != request.owner:
            raise NotFound("There is no such thread.", what_to_do="Start a new thread.")
        active = select(run.c.id).where(
            run.c.thread_id == new_run.thread_id, run.c.status.in_(ACTIVE)
        )
        if connection.scalar(active) is not None:
            raise ThreadBusy("This thread is still answering.")
        connection.execute(
            update(thread)
            .where(thread.c.id == new_run.thread_id)
            .values(updated_at_us=new_run.started_at_us, archived_at_us=None)
        )

    def append(self, parts: Mapping[str, Sequence[Event]]) -> None:
        """Journals what was added to growing logs: run id to its new events."""
        rows = [
            {"run_id": run_id, "first_seq": events[0].seq, "payload": encode_log(events)}
            for run_id, events in parts.items()
            if not self._dbs.is_temporary(run_id)  # memory needs no journal
        ]
        if not rows:
            return
        with self._db.write() as connection:
            asked = [row["run_id"] for row in rows]
            known = set(connection.scalars(select(run.c.id).where(run.c.id.in_(asked))))
            rows = [row for row in rows if row["run_id"] in known]  # its thread may be gone
            if rows:
                connection.execute(insert(run_log), rows)

    def finish(
        self,
        run_id: str,
        answer_id: str,
        text: str,
        summary: AnswerSummary,
        *,
        checkpoint: Checkpoint | None,
    ) -> None:
        """Saves the answer, also an empty one with its error, and ends the run. May be repeated.

        Its place was set when the run began, so that an answer that could only be saved late still
        stands under its question.
        """
        with self._dbs.of(run_id).write() as connection:
            row = connection.execute(select(run).where(run.c.id == run_id)).first()
            if row is None:
                return  # the thread was deleted meanwhile
            save_answer(connection, row, answer_id, text, summary)
            connection.execute(
                update(run)
                .where(run.c.id == run_id)
                .values(
                    status=summary.status,
                    answer_id=answer_id,
                    checkpoint_thread=checkpoint.thread if checkpoint else None,
                    checkpoint_id=checkpoint.id if checkpoint else None,
                )
            )

    def save_log(self, run_id: str, events: Sequence[Event]) -> None:
        """Replaces the journal of a finished run by its whole log."""
        payload = encode_log(events)
        with self._dbs.of(run_id).write() as connection:
            if connection.scalar(select(run.c.id).where(run.c.id == run_id)) is None:
                return  # the thread was deleted meanwhile
            connection.execute(delete(run_log).where(run_log.c.run_id == run_id))
            connection.execute(insert(run_log).values(run_id=run_id, first_seq=0, payload=payload))

    def log(self, run_id: object, owner: str) -> list[Event]:
        """The saved log of a run, as far as it can be read. NotFound for a foreign or unknown id."""
        if not is_id(run_id):
            raise NotFound("There is no such run.")
        with self._dbs.of(str(run_id)).read() as connection:
            row = connection.execute(
                select(run.c.started_at_us).where(run.c.id == run_id, run.c.owner == owner)
            ).first()
            if row is None:
                raise NotFound("There is no such run.")
            parts = connection.scalars(
                select(run_log.c.payload)
                .where(run_log.c.run_id == run_id)
                .order_by(run_log.c.first_seq)
            ).all()
        events: list[Event] = []
        for payload in parts:
            try:
                events += decode_log(payload, run_id=str(run_id), started_at_us=row.started_at_us)
            except ValueError:
                log.warning("a part of the log of run %s cannot be read", run_id)
                break
        return events

    def ended_ids(self, since_us: int, limit: int) -> list[str]:
        """Runs that began after a moment and have ended, newest first."""
        here = run.c.status.not_in((*ACTIVE, IMPORTED))
        query = select(run.c.id).where(run.c.started_at_us >= since_us, here)
        with self._db.read() as connection:
            return list(connection.scalars(query.order_by(run.c.started_at_us.desc()).limit(limit)))

    def ended(self, run_id: str) -> EndedRun | None:
        """One of them; None when its thread was deleted meanwhile."""
        with self._db.read() as connection:
            row = connection.execute(select(run).where(run.c.id == run_id)).first()
        try:
            events = self.log(run_id, row.owner) if row is not None else []
        except NotFound:
            return None
        if row is None:
            return None
        return EndedRun(
            id=row.id,
            thread_id=row.thread_id,
            owner=row.owner,
            graph=row.graph,
            entry_point=row.request.get("entry_point", "chat"),
            stream=row.request.get("stream", True),
            status=row.status,
            started_at_us=row.started_at_us,
            events=events,
        )

    def answers(self, run_ids: Sequence[str]) -> dict[str, EndedAnswer | None]:
        """Question, answer and summary of those runs that have ended; None when they are gone."""
        asked = message.alias()
        query = (
            select(run.c.id, run.c.status, asked.c.text.label("question"), message.c.text,
                   message.c.summary)
            .outerjoin(message, (message.c.id == run.c.answer_id))
            .outerjoin(asked, (asked.c.id == run.c.question_id))
            .where(run.c.id.in_(run_ids))
        )  # fmt: skip
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        found: dict[str, EndedAnswer | None] = dict.fromkeys(run_ids)
        for row in rows:
            if row.status in ACTIVE:
                del found[row.id]
                continue
            summary = AnswerSummary.from_dict(row.summary) if row.summary else AnswerSummary()
            found[row.id] = EndedAnswer(
                question=row.question or "",
                text=row.text or "",
                summary=replace(summary, status=row.status),
            )
        return found

    def questions(self, run_ids: Sequence[str]) -> list[str]:
        """What those of the runs were asked that are still there, active ones included."""
        query = select(message.c.text).join(run, run.c.question_id == message.c.id)
        found: list[str] = []
        for database in self._dbs.all():
            with database.read() as connection:
                found += connection.scalars(query.where(run.c.id.in_(run_ids)))
        return found

    def question_id(self, run_id: str) -> str | None:
        """Id of the question of a run; None when it never began or is gone."""
        with self._dbs.of(run_id).read() as connection:
            return connection.scalar(select(run.c.question_id).where(run.c.id == run_id))

    def request_of(self, run_id: str) -> TurnRequest | None:
        """What was asked for, without the text; None when the run is gone."""
        with self._dbs.of(run_id).read() as connection:
            kept = connection.scalar(select(run.c.request).where(run.c.id == run_id))
        if kept is None:
            return None
        known = {one.name for one in fields(TurnRequest)} - {"figures"}
        return TurnRequest(**{k: v for k, v in kept.items() if k in known} | {"text": ""})

    def recover(self) -> list[str]:
        """Ends the runs of a process that was killed; gives their ids.

        One whose answer was whole, and only its end not written yet, is completed.
        """
        query = select(run.c.id, run.c.owner).where(run.c.status.in_(ACTIVE))
        with self._db.read() as connection:
            rows = connection.execute(query).all()
        for row in rows:
            transcript, events, answer_id = Transcript(), self.log(row.id, row.owner), new_id()
            transcript.add_all(events)
            if transcript.written_out:
                end = _end_of(events[-1], answer_id)
                transcript.add(end)
                self.save_log(row.id, [*events, end])
                summary = summarise(transcript)
            else:
                summary = replace(summarise(transcript), status="lost")
            self.finish(row.id, answer_id, transcript.text, summary, checkpoint=None)
        return [row.id for row in rows]

    def history(self, message_id: str, *, limit: int) -> list[HistoryRow]:
        """The newest messages of the branch that ends with a message, in reading order."""
        found = branch(message_id, limit)
        query = (
            select(
                message.c.id, message.c.role, message.c.text, run.c.graph, run.c.status,
                run.c.checkpoint_thread, run.c.checkpoint_id,
            )
            .join(found, found.c.id == message.c.id)
            .outerjoin(run, run.c.id == message.c.run_id)  # a copied message's may be deleted
            .order_by(found.c.depth.desc())
        )  # fmt: skip
        for database in self._dbs.all():
            with database.read() as connection:
                rows = connection.execute(query).all()
            if rows:
                return [_history_row(row) for row in rows]
        return []


def _say_earlier(connection: Connection, new_run: Run) -> dict[str, str]:
    """Writes what was said before the question; gives the message of each file that came with it."""
    rows: list[dict[str, Any]] = []
    files: dict[str, str] = {}
    for said in new_run.request.earlier:
        message_id = new_id()
        files |= dict.fromkeys(said.attachments, message_id)
        rows.append(
            {
                "id": message_id,
                "thread_id": new_run.thread_id,
                "parent_id": rows[-1]["id"] if rows else None,
                "position": len(rows),
                "run_id": NO_RUN,
                "role": said.role,
                "text": said.text,
                "created_at_us": new_run.started_at_us,
            }
        )
    if rows:
        connection.execute(insert(message), rows)
        connection.execute(
            update(thread).where(thread.c.id == new_run.thread_id).values(head_id=rows[-1]["id"])
        )
    return files


def _history_row(row: Any) -> HistoryRow:
    checkpoint = None
    if row.checkpoint_id:
        checkpoint = Checkpoint(thread=row.checkpoint_thread, id=row.checkpoint_id)
    return HistoryRow(
        message_id=row.id,
        role=row.role,
        text=row.text,
        graph=row.graph,
        checkpoint=checkpoint,
        waits=row.status == "interrupted",
    )


def _end_of(last: Event, answer_id: str) -> Completed:
    """The end that a killed process could not write."""
    return Completed(
        message_id=answer_id,
        run_id=last.run_id,
        seq=last.seq + 1,
        at_us=last.at_us,
        elapsed_us=last.elapsed_us,
    )
