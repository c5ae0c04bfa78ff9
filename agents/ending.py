"""What the end of a run changes in its thread: its answer, the branch shown, what waits for people.

In the caller's transaction, which also notes that the run has ended.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, delete, insert, update

from agents.tables import interrupt, message, thread
from agents.threads import now_us
from core.transcript import AnswerSummary

FAILED = ("error", "cancelled", "lost")


def save_answer(
    connection: Connection, ended: Any, answer_id: str, text: str, summary: AnswerSummary
) -> None:
    """`ended`: the run's row. May be repeated with another id for the answer."""
    now = now_us()
    connection.execute(delete(message).where(message.c.id == ended.answer_id))
    connection.execute(
        insert(message).values(
            id=answer_id,
            thread_id=ended.thread_id,
            parent_id=ended.parent_id,
            position=ended.position,
            run_id=ended.id,
            role="assistant",
            text=text,
            summary=summary.to_dict(),
            created_at_us=now,
        )
    )
    shown = thread.c.head_id.in_([ended.parent_id, *filter(None, [ended.answer_id])])
    connection.execute(
        update(thread).where(thread.c.id == ended.thread_id, shown).values(head_id=answer_id)
    )
    connection.execute(
        update(thread).where(thread.c.id == ended.thread_id).values(updated_at_us=now)
    )
    _note_interrupts(connection, ended, summary, now)
    if summary.status in FAILED and ended.request.get("resumes"):
        _ask_again(connection, ended.id)


def _note_interrupts(connection: Connection, ended: Any, summary: AnswerSummary, now: int) -> None:
    connection.execute(delete(interrupt).where(interrupt.c.run_id == ended.id))
    rows = [
        {
            "run_id": ended.id,
            "interrupt_id": asked["id"],
            "owner": ended.owner,
            "value": asked["value"],
            "response_schema": asked["response_schema"],
            "asked_at_us": now,
        }
        for asked in summary.interrupts
    ]
    if rows:
        connection.execute(insert(interrupt), rows)


def _ask_again(connection: Connection, run_id: str) -> None:
    """The graph's memory is as it was before the decision: people are asked once more."""
    connection.execute(
        update(interrupt)
        .where(interrupt.c.resumed_by_run == run_id)
        .values(resumed_by_run=None, answered_at_us=None, answered_by=None)
    )
