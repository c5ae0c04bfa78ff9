"""Any run as others see it, living or long ended: its log, and what has come of it.

A log ends with exactly one terminal event for every reader. One that a killed process could not end,
or that cannot be read to its end, gets that event here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Protocol

from sqlalchemy import Row, select

from agents.databases import Databases
from agents.run import Run
from agents.run_store import RunStore
from agents.tables import message, run
from agents.threads import ACTIVE
from core.errors import NotFound
from core.events import Cancelled, Completed, Event, Failed, Interrupt, Interrupted
from core.events_codec import is_terminal
from core.ids import is_id
from core.transcript import AnswerSummary, Transcript, summarise

STARTING_S = 2.0
LOOK_S = 0.005
LOST = Failed(
    code="lost",
    message="Switchboard was ended while it answered. What it had written so far was kept.",
    what_to_do="Send the message again.",
    retryable=True,
)


class RunLog(Protocol):
    """What readers follow: a `Run`, or the log of one that ended."""

    @property
    def id(self) -> str: ...
    @property
    def thread_id(self) -> str: ...
    def read(self, after: int = -1) -> list[Event]: ...
    def part(self, after: int, most: int) -> list[Event]: ...
    def last_event(self) -> Event | None: ...
    def attach(self, wake: Callable[[], None]) -> None: ...
    def detach(self, wake: Callable[[], None]) -> None: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class EndedLog:
    """A log that does not grow any more."""

    id: str
    thread_id: str
    events: Sequence[Event]

    def read(self, after: int = -1) -> list[Event]:
        """The events with `seq > after`."""
        return list(self.events[after + 1 :])

    def part(self, after: int, most: int) -> list[Event]:
        """The first `most` of them."""
        return list(self.events[after + 1 : after + 1 + most])

    def last_event(self) -> Event | None:
        return self.events[-1] if self.events else None

    def attach(self, wake: Callable[[], None]) -> None:
        """Nothing will come."""

    def detach(self, wake: Callable[[], None]) -> None:
        """Nothing was attached."""


@dataclass(frozen=True, kw_only=True, slots=True)
class RunView:
    """A run at one moment."""

    id: str
    thread_id: str
    question_id: str
    answer_id: str | None
    """None until it has ended."""
    status: str
    graph: str
    entry_point: str
    text: str
    """The answer so far."""
    summary: AnswerSummary
    started_at_us: int
    queue_position: int | None = None
    resumes: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    last_seq: int | None = None
    """Of its newest event; None when that is only known by reading the log."""

    @property
    def finished(self) -> bool:
        return self.status not in ACTIVE

    @property
    def ended_at_us(self) -> int | None:
        if not self.finished or self.summary.duration_us is None:
            return None
        return self.started_at_us + self.summary.duration_us


@dataclass(frozen=True, kw_only=True, slots=True)
class RunState:
    """How far a run is, without what it wrote."""

    id: str
    thread_id: str
    status: str
    queue_position: int | None = None

    @property
    def finished(self) -> bool:
        return self.status not in ACTIVE


class RunReader:
    """Made by the runtime. A foreign or unknown id raises the same NotFound. Blocks."""

    def __init__(
        self, databases: Databases, store: RunStore, living: Callable[[str], Run | None]
    ) -> None:
        self._dbs, self._store, self._living = databases, store, living

    def log(self, run_id: object, owner: str) -> RunLog:
        """To be read from any event on, as often as one likes."""
        found, row = self._find(run_id, owner)
        if found is not None:
            return found
        assert row is not None
        events = self._store.log(row.id, owner)
        if not events or not is_terminal(events[-1]):
            events = [*events, _end(row, events)]
        return EndedLog(id=row.id, thread_id=row.thread_id, events=events)

    def state(self, run_id: object, owner: str) -> RunState:
        """Cheap enough to be asked for every second."""
        found, row = self._find(run_id, owner)
        if found is None:
            assert row is not None
            return RunState(id=row.id, thread_id=row.thread_id, status=row.status)
        last, status, position = found.last_event(), str(found.state), None
        if last is not None and is_terminal(last):
            status = last.type
        elif last is not None and last.type == "heartbeat":
            position = last.queue_position
        return RunState(
            id=found.id, thread_id=found.thread_id, status=status, queue_position=position
        )

    def view(self, run_id: object, owner: str) -> RunView:
        found, row = self._find(run_id, owner)
        if found is not None:
            return view_of(found)
        assert row is not None
        summary = AnswerSummary.from_dict(row.summary) if row.summary else AnswerSummary()
        if row.status == "lost":
            summary = replace(summary, error=_error_of(LOST))
        return RunView(
            id=row.id,
            thread_id=row.thread_id,
            question_id=row.question_id,
            answer_id=row.answer_id,
            status=row.status,
            graph=row.graph,
            entry_point=row.request.get("entry_point", "chat"),
            text=row.text or "",
            summary=summary,
            started_at_us=row.started_at_us,
            resumes=row.request.get("resumes"),
            metadata=row.request.get("metadata") or {},
        )

    def _find(self, run_id: object, owner: str) -> tuple[Run | None, Row[Any] | None]:
        """The run in memory, or its row. One that is being begun is on disk a moment before."""
        if not is_id(run_id):
            raise NotFound("There is no such run.")
        deadline = time.monotonic() + STARTING_S
        while True:
            found = self._living(str(run_id))
            if found is not None and found.request.owner == owner:
                return found, None
            row = None if found is not None else self._row(str(run_id), owner)
            if row is None:
                raise NotFound("There is no such run.")
            if row.status not in ACTIVE or time.monotonic() > deadline:
                return None, row
            time.sleep(LOOK_S)

    def _row(self, run_id: str, owner: str) -> Row[Any] | None:
        query = (
            select(run, message.c.text, message.c.summary)
            .outerjoin(message, message.c.id == run.c.answer_id)
            .where(run.c.id == run_id, run.c.owner == owner)
        )
        with self._dbs.of(run_id).read() as connection:
            return connection.execute(query).first()


def view_of(found: Run) -> RunView:
    """A run in memory."""
    events, transcript = found.read(), Transcript()
    transcript.add_all(events)
    summary = summarise(transcript)
    last = events[-1] if events else None
    if last is None or not is_terminal(last):
        summary = replace(summary, duration_us=found.elapsed_us())
    return RunView(
        id=found.id,
        thread_id=found.thread_id,
        question_id=found.place.question_id,
        answer_id=getattr(last, "message_id", None) if last and is_terminal(last) else None,
        status=found.state if summary.status == "running" else summary.status,
        graph=found.request.graph,
        entry_point=found.request.entry_point,
        text=transcript.text,
        summary=summary,
        started_at_us=found.started_at_us,
        queue_position=transcript.queue_position if found.state == "queued" else None,
        resumes=found.request.resumes,
        metadata=found.request.metadata,
        last_seq=last.seq if last else None,
    )


def _end(row: Row[Any], events: Sequence[Event]) -> Event:
    """The end that is missing in a log, as the run's row knows it."""
    answer_id = row.answer_id or ""
    summary = AnswerSummary.from_dict(row.summary) if row.summary else AnswerSummary()
    end: Event
    match row.status:
        case "completed" | "imported":
            end = Completed(message_id=answer_id, notice=summary.notice)
        case "cancelled":
            end = Cancelled(by="user", message_id=row.answer_id)
        case "interrupted":
            end = Interrupted(interrupts=tuple(Interrupt(**one) for one in summary.interrupts))
        case "error" if summary.error:
            end = Failed(**(_error_of(LOST) | summary.error))
        case _:
            end = replace(LOST, message_id=row.answer_id)
    last = events[-1] if events else None
    elapsed = last.elapsed_us if last else summary.duration_us or 0
    return replace(
        end,
        run_id=row.id,
        seq=last.seq + 1 if last else 0,
        at_us=row.started_at_us + elapsed,
        elapsed_us=elapsed,
    )


def _error_of(failed: Failed) -> dict[str, Any]:
    envelope = ("run_id", "seq", "at_us", "elapsed_us", "type")
    return {name: value for name, value in asdict(failed).items() if name not in envelope}
