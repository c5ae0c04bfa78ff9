"""Which threads of a person are meant: as plain values, and as conditions of a query."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, case, exists, func, literal_column, select
from sqlalchemy.sql.expression import FromClause

from agents.search_schema import json_field
from agents.tables import interrupt, message, message_rating, run, thread, thread_tag

State = Literal["running", "waiting", "failed", "unread", "idle"]
"""The first that is true. Waiting: for a person's decision. Failed: the last answer."""
FAILED = ("error", "lost")
ANY_ERROR = "any"


@dataclass(frozen=True, kw_only=True, slots=True)
class ThreadFilter:
    """None and () mean: whatever it is. What is given must all be true."""

    archived: bool = False
    pinned: bool | None = None
    tags: tuple[str, ...] = ()
    agent: str | None = None
    """That gave one of its answers; the same for `model`."""
    model: str | None = None
    error: str | None = None
    """The code of an error, or ANY_ERROR, that an answer of the thread ended with."""
    rating: Literal[1, -1] | None = None
    """One of its answers was rated so."""
    since_us: int | None = None
    before_us: int | None = None
    """Of its last change; `before_us` is not part of it."""
    state: State | None = None

    @property
    def narrows(self) -> bool:
        """Whether it leaves anything out but archived or other threads."""
        return self != ThreadFilter(archived=self.archived)


def head() -> FromClause:
    """The last message of the branch that is shown, for `listed`."""
    return message.alias("head")


def conditions(
    owner: str, wanted: ThreadFilter, running: Collection[str], dialect: str
) -> list[ColumnElement[bool]]:
    """For a query of `thread`. The first three are those of the indexes thread_listed and _archived."""
    column = thread.c
    found = [
        column.owner == owner,
        column.kind == "chat",
        column.archived_at_us.is_not(None) if wanted.archived else column.archived_at_us.is_(None),
    ]
    if wanted.pinned is not None:
        is_pinned = column.pinned_at_us.is_not(None)
        found.append(is_pinned if wanted.pinned else column.pinned_at_us.is_(None))
    if wanted.since_us is not None:
        found.append(column.updated_at_us >= wanted.since_us)
    if wanted.before_us is not None:
        found.append(column.updated_at_us < wanted.before_us)
    for tag in wanted.tags:
        tagged = exists().where(thread_tag.c.thread_id == column.id, thread_tag.c.tag == tag)
        found.append(tagged.correlate(thread))
    found += _of_answers(wanted, dialect)
    if wanted.rating is not None:
        rated = select(message.c.thread_id).join(
            message_rating, message_rating.c.message_id == message.c.id
        )
        found.append(
            column.id.in_(
                rated.where(
                    message_rating.c.owner == owner, message_rating.c.thumb == wanted.rating
                )
            )
        )
    if wanted.state is not None:
        found += _in_state(owner, wanted.state, running, dialect)
    return found


def waiting(owner: str) -> Select[tuple[str]]:
    """Threads in which a graph asks a person something."""
    return (
        select(run.c.thread_id)
        .join(interrupt, interrupt.c.run_id == run.c.id)
        .where(interrupt.c.owner == owner, interrupt.c.answered_at_us.is_(None))
    )


def fact(table: FromClause, name: str, dialect: str) -> ColumnElement[str]:
    """One plain value of an answer's summary, such as "agent" or "error.code"."""
    if dialect == "sqlite":
        return literal_column(json_field(f"{table.name}.", name))  # type: ignore[attr-defined]
    value: ColumnElement[Any] = table.c.summary
    for part in name.split("."):
        value = value[part]
    return value.as_string()  # type: ignore[no-any-return]


def is_unread(last: FromClause) -> ColumnElement[bool]:
    """An answer that came after the thread was looked at. What was imported counts as seen."""
    never = case(
        (thread.c.source.is_not(None), thread.c.updated_at_us), else_=thread.c.created_at_us
    )
    seen = func.coalesce(thread.c.seen_at_us, never)
    return (last.c.role == "assistant") & (last.c.created_at_us > seen)


def _of_answers(wanted: ThreadFilter, dialect: str) -> list[ColumnElement[bool]]:
    """Each looks into the index message_facts, also when several are given."""
    found = []
    for name, value in (("agent", wanted.agent), ("model", wanted.model)):
        if value is not None:
            found.append(_an_answer(name, dialect, [value]))
    if wanted.error == ANY_ERROR:
        found.append(_an_answer("status", dialect, FAILED))
    elif wanted.error == "lost":
        found.append(_an_answer("status", dialect, ["lost"]))
    elif wanted.error is not None:
        found.append(_an_answer("error.code", dialect, [wanted.error]))
    return found


def _an_answer(name: str, dialect: str, allowed: Sequence[str]) -> ColumnElement[bool]:
    answer = message.alias("answer")
    return (
        exists()
        .where(
            answer.c.thread_id == thread.c.id,
            literal_column("answer.role = 'assistant'"),  # a parameter could not use the index
            fact(answer, name, dialect).in_(allowed),
        )
        .correlate(thread)
    )


def _in_state(
    owner: str, state: State, running: Collection[str], dialect: str
) -> list[ColumnElement[bool]]:
    is_running, is_waiting = thread.c.id.in_(running), thread.c.id.in_(waiting(owner))
    if state == "running":
        return [is_running]
    if state == "waiting":
        return [is_waiting, ~is_running]
    last = head()
    of_thread = exists().where(last.c.id == thread.c.head_id).correlate(thread)
    failed = of_thread.where(fact(last, "status", dialect).in_(FAILED))
    unread = of_thread.where(is_unread(last))
    if state == "failed":
        return [failed, ~is_running, ~is_waiting]
    if state == "unread":
        return [unread, ~is_running, ~is_waiting, ~failed]
    return [~unread, ~is_running, ~is_waiting, ~failed]
