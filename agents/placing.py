"""Where a new run stands in its thread, and what is written down of that before it begins.

A plain question follows the branch that is shown. An edited one becomes a version of the question it
edits; answering again, going on with an answer and resuming write no question. All in the caller's
transaction, which has made sure that the thread is the owner's and not busy.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from agents import branches
from agents.run import Place, Run
from agents.tables import interrupt, message, queued_message, run, thread
from core.errors import InvalidInput, NotFound
from core.ids import new_id

GONE = NotFound("There is no such message.", what_to_do="Reload the page; it may be deleted.")


def place(connection: Connection, new_run: Run) -> tuple[Place, int]:
    """The place, and the position of the coming answer. Raises NotFound or InvalidInput."""
    request, turn = new_run.request, _next_turn(connection, new_run.thread_id)
    if request.queued_id is not None:
        _leave_queue(connection, request.queued_id)
    if request.resumes is not None:
        found = _after_waiting(connection, new_run)
    elif request.continues is not None:
        found = _beside_answer(connection, new_run, request.continues)
    elif request.answers is not None:
        question = _message(connection, new_run, request.answers, "user")
        found = Place(question_id=question.id, parent_id=question.id)
    else:
        question_id = _ask(connection, new_run, turn)
        found = Place(question_id=question_id, parent_id=question_id)
    connection.execute(
        update(thread).where(thread.c.id == new_run.thread_id).values(head_id=found.parent_id)
    )
    return found, turn + 1


def _leave_queue(connection: Connection, queued_id: str) -> None:
    gone = connection.execute(delete(queued_message).where(queued_message.c.id == queued_id))
    if gone.rowcount != 1:
        raise NotFound(
            "This message is not waiting any more.",
            what_to_do="It may have been sent already: reload the page.",
        )


def _next_turn(connection: Connection, thread_id: str) -> int:
    """A turn has two positions, 2k for its question, if it has one, and 2k + 1 for its answer."""
    used = select(message.c.position.label("at")).where(message.c.thread_id == thread_id)
    taken = select(run.c.position.label("at")).where(run.c.thread_id == thread_id)
    both = used.union_all(taken).subquery()
    last = connection.scalar(select(func.max(both.c.at)))
    return 0 if last is None else 2 * (int(last) // 2 + 1)


def _ask(connection: Connection, new_run: Run, position: int) -> str:
    request = new_run.request
    if request.edits is not None:
        parent = _message(connection, new_run, request.edits, "user").parent_id
    else:
        parent = connection.scalar(select(thread.c.head_id).where(thread.c.id == new_run.thread_id))
    question_id = new_id()
    connection.execute(
        insert(message).values(
            id=question_id,
            thread_id=new_run.thread_id,
            parent_id=parent,
            position=position,
            run_id=new_run.id,
            role="user",
            text=request.text,
            created_at_us=new_run.started_at_us,
        )
    )
    return question_id


def _beside_answer(connection: Connection, new_run: Run, answer_id: str) -> Place:
    answer = _message(connection, new_run, answer_id, "assistant")
    question = branches.question_above(connection, answer_id)
    if question is None or answer.parent_id is None:
        raise GONE
    if not answer.text.strip():
        raise InvalidInput("This answer has no text to go on with.", what_to_do="Ask again.")
    return Place(question_id=question.id, parent_id=answer.parent_id, begun=answer.text)


def _after_waiting(connection: Connection, new_run: Run) -> Place:
    request = new_run.request
    waits = connection.execute(
        select(run).where(run.c.id == request.resumes, run.c.thread_id == new_run.thread_id)
    ).first()
    open_ids = set(
        connection.scalars(
            select(interrupt.c.interrupt_id).where(
                interrupt.c.run_id == request.resumes,
                interrupt.c.owner == request.owner,
                interrupt.c.resumed_by_run.is_(None),
            )
        )
    )
    if waits is None or not set(request.decisions) <= open_ids or not request.decisions:
        raise NotFound(
            "This is not waiting for an answer any more.",
            what_to_do="Reload the page to see what was decided.",
        )
    for interrupt_id, answer in request.decisions.items():
        connection.execute(
            update(interrupt)
            .where(interrupt.c.run_id == waits.id, interrupt.c.interrupt_id == interrupt_id)
            .values(
                answer={"value": answer},
                answered_at_us=new_run.started_at_us,
                answered_by=request.owner,
            )
        )
    connection.execute(
        update(interrupt).where(interrupt.c.run_id == waits.id).values(resumed_by_run=new_run.id)
    )
    return Place(question_id=waits.question_id, parent_id=waits.answer_id)


def _message(connection: Connection, new_run: Run, message_id: str, role: str) -> Any:
    query = select(message).where(
        message.c.id == message_id,
        message.c.thread_id == new_run.thread_id,
        message.c.role == role,
    )
    found = connection.execute(query).first()
    if found is None:
        raise GONE
    return found
