"""What waits for people, and what they decided. Answering is a run: see `request`.

A question belongs to the run that asked it. Going on with a run closes all its questions: those left
unanswered are asked again by the run that went on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select

from agents.databases import Databases
from agents.run import TurnRequest
from agents.tables import interrupt, message, run, thread
from core.database import Database
from core.errors import InvalidInput, NotFound
from core.ids import is_id
from core.interrupt_check import check_answer
from core.interrupt_form import read_form

LISTED_KINDS = ("chat", "compare")
"""An evaluation's runs are over when they wait: its report says so."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """One interrupt."""

    run_id: str
    interrupt_id: str
    value: str
    """JSON."""
    response_schema: str | None
    asked_at_us: int
    answer: Any = None
    answered_at_us: int | None = None
    answered_by: str | None = None
    closed: bool = False
    """The run was gone on with: nobody can answer it here any more."""

    @property
    def waits(self) -> bool:
        return not self.closed and self.answered_at_us is None


@dataclass(frozen=True, kw_only=True, slots=True)
class WaitingRun:
    """A run with questions nobody has answered."""

    run_id: str
    thread_id: str
    title: str
    """Of the thread."""
    asked: str
    """What a person had asked the agent."""
    owner: str
    graph: str
    agent: str | None
    """The agent a person had chosen, if any."""
    questions: tuple[Question, ...]

    @property
    def since_us(self) -> int:
        return min(question.asked_at_us for question in self.questions)


class WaitingStore:
    """Reads the questions of graphs. A foreign or unknown run raises the same NotFound."""

    def __init__(self, database: Database | Databases) -> None:
        self._dbs = Databases.around(database)

    def count(self, owner: str) -> int:
        """Runs that wait for this owner. One look into an index."""
        waits = _waits(owner).subquery()
        query, number = select(func.count(func.distinct(waits.c.run_id))), 0
        for database in self._dbs.all():
            with database.read() as connection:
                number += connection.scalar(query) or 0
        return number

    def by_thread(self, owner: str) -> dict[str, int]:
        """Thread to the number of its questions that wait."""
        waits = _waits(owner).subquery()
        query = select(waits.c.thread_id, func.count()).group_by(waits.c.thread_id)
        found: dict[str, int] = {}
        for database in self._dbs.all():
            with database.read() as connection:
                found |= {row[0]: row[1] for row in connection.execute(query)}
        return found

    def waiting(
        self, owner: str, *, newest_first: bool = False, limit: int = 50
    ) -> list[WaitingRun]:
        """The runs that wait, the longest waiting first."""
        found: list[WaitingRun] = []
        for database in self._dbs.all():
            found += _read(database, owner, newest_first, limit)
        return sorted(found, key=lambda one: one.since_us, reverse=newest_first)[:limit]

    def questions(self, run_ids: Iterable[str], owner: str) -> dict[str, tuple[Question, ...]]:
        """What these runs asked, answered or not; runs that asked nothing are left out."""
        query = (
            select(interrupt)
            .where(interrupt.c.run_id.in_(list(run_ids)), interrupt.c.owner == owner)
            .order_by(interrupt.c.interrupt_id)
        )
        found: dict[str, tuple[Question, ...]] = {}
        for database in self._dbs.all():
            with database.read() as connection:
                for row in connection.execute(query):
                    found[row.run_id] = (*found.get(row.run_id, ()), _question(row))
        return found

    def asked_by(self, run_id: str, owner: str) -> tuple[Question, ...]:
        """What one run asked; () when that was nothing."""
        return self.questions([run_id], owner).get(run_id, ())

    def of_run(self, run_id: object, owner: str) -> tuple[Question, ...]:
        """What one run asked. Raises NotFound for a run that asked nothing, too."""
        found = self.questions([str(run_id)], owner) if is_id(run_id) else {}
        if not found:
            raise NotFound("There is no such question.", what_to_do="It may have been deleted.")
        return found[str(run_id)]

    def checked_request(
        self, run_id: object, owner: str, decisions: Mapping[str, Any]
    ) -> TurnRequest:
        """The same as `request` for answers that came through no form.

        Raises NotFound, and InvalidInput with the question's id and what is wrong with its answer.
        """
        asked = {one.interrupt_id: one for one in self.of_run(run_id, owner) if one.waits}
        for interrupt_id, answer in decisions.items():
            question = asked.get(interrupt_id)
            if question is None:
                raise NotFound(
                    "This is not waiting for an answer any more.",
                    what_to_do="Look at the run's interrupts to see what was decided.",
                )
            form = read_form(question.value, question.response_schema)
            problems = check_answer(form, answer).problems
            if problems:
                raise InvalidInput(
                    f"The answer to {interrupt_id} does not fit: {'; '.join(problems.values())}",
                    what_to_do="Answer what the interrupt's value and response_schema ask for.",
                )
        return self.request(run_id, owner, decisions)

    def request(self, run_id: object, owner: str, decisions: Mapping[str, Any]) -> TurnRequest:
        """The request that goes on with a run: the same graph, agent and models as before.

        `decisions`: interrupt id to answer; at least one. Raises NotFound.
        """
        self.of_run(run_id, owner)
        query = select(run.c.request, run.c.graph, run.c.thread_id).where(
            run.c.id == run_id, run.c.owner == owner
        )
        with self._dbs.of(str(run_id)).read() as connection:
            row = connection.execute(query).first()
        if row is None:
            raise NotFound("There is no such question.", what_to_do="It may have been deleted.")
        before: Mapping[str, Any] = row.request
        kept = ("agent", "model", "fallback", "stream", "temperature", "retrieval", "prompt")
        return TurnRequest(
            text="",
            owner=owner,
            thread_id=row.thread_id,
            graph=row.graph,
            resumes=str(run_id),
            decisions=dict(decisions),
            **{name: before[name] for name in kept if name in before},
        )


def _read(database: Database, owner: str, newest_first: bool, limit: int) -> list[WaitingRun]:
    waits = _waits(owner).subquery()
    since = func.min(waits.c.asked_at_us)
    runs = select(waits.c.run_id, since.label("since")).group_by(waits.c.run_id)
    order = since.desc() if newest_first else since.asc()
    with database.read() as connection:
        ids = [row.run_id for row in connection.execute(runs.order_by(order).limit(limit))]
        about = {row.id: row for row in connection.execute(_about(ids))}
        rows = connection.execute(
            _waits(owner).where(interrupt.c.run_id.in_(ids)).order_by(interrupt.c.interrupt_id)
        ).all()
    questions: dict[str, list[Question]] = {}
    for row in rows:
        questions.setdefault(row.run_id, []).append(_question(row))
    return [
        _waiting_run(about[run_id], questions[run_id])
        for run_id in ids
        if run_id in about and run_id in questions
    ]


def _waits(owner: str) -> Any:
    return (
        select(interrupt, run.c.thread_id)
        .join(run, run.c.id == interrupt.c.run_id)
        .join(thread, thread.c.id == run.c.thread_id)
        .where(
            interrupt.c.owner == owner,
            interrupt.c.answered_at_us.is_(None),
            interrupt.c.resumed_by_run.is_(None),
            thread.c.kind.in_(LISTED_KINDS),
        )
    )


def _about(run_ids: Sequence[str]) -> Any:
    return (
        select(
            run.c.id, run.c.thread_id, run.c.owner, run.c.graph, run.c.request, thread.c.title,
            message.c.text,
        )
        .join(thread, thread.c.id == run.c.thread_id)
        .outerjoin(message, message.c.id == run.c.question_id)
        .where(run.c.id.in_(run_ids))
    )  # fmt: skip


def _waiting_run(row: Any, questions: Sequence[Question]) -> WaitingRun:
    return WaitingRun(
        run_id=row.id,
        thread_id=row.thread_id,
        title=row.title,
        asked=row.text or "",
        owner=row.owner,
        graph=row.graph,
        agent=row.request.get("agent"),
        questions=tuple(questions),
    )


def _question(row: Any) -> Question:
    return Question(
        run_id=row.run_id,
        interrupt_id=row.interrupt_id,
        value=row.value,
        response_schema=row.response_schema,
        asked_at_us=row.asked_at_us,
        answer=row.answer.get("value") if isinstance(row.answer, dict) else None,
        answered_at_us=row.answered_at_us,
        answered_by=row.answered_by,
        closed=row.resumed_by_run is not None,
    )
