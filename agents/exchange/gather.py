"""Threads of the database as conversations, with everything that belongs to them."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Table, or_, select

from agents.exchange.checked import REQUEST
from agents.exchange.own import NAME
from agents.tables import (
    attachment,
    interrupt,
    message,
    message_rating,
    run,
    run_log,
    thread,
    thread_tag,
)
from agents.threads import ACTIVE
from core.conversation import (
    AnsweredInterrupt,
    Conversation,
    KeptFile,
    Message,
    Rating,
    RunRecord,
)
from core.log_codec import decode_log, to_lines
from core.transcript import AnswerSummary

log = logging.getLogger(__name__)
AT_ONCE = 20
IDS_IN_EVENTS = ("thread_id", "message_id", "resumes")
IDS_IN_REQUEST = ("edits", "answers", "continues", "resumes")
Rows = Mapping[str, list[Row[Any]]]


def gather(
    connection: Connection, owner: str, thread_ids: Sequence[str], *, whole: bool = True
) -> Iterator[Conversation]:
    """The threads in this order, those that are not there left out. `whole`: with runs and files."""
    for begin in range(0, len(thread_ids), AT_ONCE):
        ids = thread_ids[begin : begin + AT_ONCE]
        threads = {
            row.id: row
            for row in connection.execute(
                select(thread).where(thread.c.id.in_(ids), thread.c.owner == owner)
            )
        }
        messages = _by(connection, message, "thread_id", ids, message.c.position)
        tags = _by(connection, thread_tag, "thread_id", ids, thread_tag.c.tag)
        rest = _Rest(connection, owner, messages) if whole else None
        for thread_id in ids:
            if thread_id in threads:
                yield _conversation(
                    threads[thread_id], messages[thread_id], tags[thread_id], rest
                )  # fmt: skip


def _by(connection: Connection, table: Table, name: str, ids: Sequence[str], *order: Any) -> Rows:
    query = select(table).where(table.c[name].in_(ids)).order_by(*order)
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in connection.execute(query):
        found[getattr(row, name)].append(row)
    return found


class _Rest:
    """Runs, logs, ratings and files of some threads."""

    def __init__(self, connection: Connection, owner: str, messages: Rows) -> None:
        threads = list(messages)
        rows = [row for of_thread in messages.values() for row in of_thread]
        named = {row.run_id for row in rows}
        query = select(run).where(
            run.c.owner == owner,
            run.c.status.not_in(ACTIVE),
            or_(run.c.thread_id.in_(threads), run.c.id.in_(named)),
        )
        self.runs = list(connection.execute(query.order_by(run.c.started_at_us, run.c.id)))
        ids = [row.id for row in self.runs]
        self.logs = _by(connection, run_log, "run_id", ids, run_log.c.first_seq)
        self.interrupts = _by(connection, interrupt, "run_id", ids, interrupt.c.interrupt_id)
        within = select(message.c.id).where(message.c.thread_id.in_(threads))
        rated = select(message_rating).where(
            message_rating.c.message_id.in_(within), message_rating.c.owner == owner
        )
        self.ratings = {row.message_id: row for row in connection.execute(rated)}
        order = (attachment.c.created_at_us, attachment.c.id)
        self.files = _by(connection, attachment, "thread_id", threads, *order)


def _conversation(
    row: Row[Any], messages: list[Row[Any]], tags: list[Row[Any]], rest: _Rest | None
) -> Conversation:
    keys = {one.id: f"m{number}" for number, one in enumerate(messages, 1)}
    runs = _runs_of(row.id, messages, rest) if rest else []
    run_keys = {one[0].id: f"r{number}" for number, one in enumerate(runs, 1)}
    files = defaultdict(list)
    for one in rest.files[row.id] if rest else ():
        files[one.message_id].append(one)
    return Conversation(
        title=row.title,
        messages=tuple(
            Message(
                key=keys[one.id],
                parent=keys.get(one.parent_id or ""),
                role=one.role,
                text=one.text,
                created_at_us=one.created_at_us,
                run=run_keys.get(one.run_id),
                summary=AnswerSummary.from_dict(one.summary) if one.summary else None,
                rating=_rating(rest.ratings.get(one.id)) if rest else None,
                files=tuple(_file(file) for file in files[one.id]),
            )
            for one in messages
        ),
        created_at_us=row.created_at_us,
        updated_at_us=row.updated_at_us,
        head=keys.get(row.head_id or ""),
        tags=tuple(one.tag for one in tags),
        pinned_at_us=row.pinned_at_us,
        archived_at_us=row.archived_at_us,
        source=row.source if row.source != NAME else None,
        runs=tuple(_run(one, row.id, keys, run_keys, rest) for one in runs) if rest else (),
    )


_Placed = tuple[Row[Any], str, str, str | None]
"""(run, id of its question, of the message before its answer, of its answer)"""


def _runs_of(thread_id: str, messages: list[Row[Any]], rest: _Rest) -> list[_Placed]:
    """The thread's runs; for a copy of a thread, those its answers came from."""
    by_id = {one.id: one for one in messages}
    answers = {one.run_id: one for one in messages if one.role == "assistant"}
    found: list[_Placed] = []
    for row in rest.runs:
        if row.thread_id == thread_id:
            if row.question_id in by_id and row.parent_id in by_id:
                answer = row.answer_id if row.answer_id in by_id else None
                found.append((row, row.question_id, row.parent_id, answer))
        elif row.id in answers:
            answer_row = answers[row.id]
            asked = by_id.get(answer_row.parent_id or "")
            while asked is not None and asked.role != "user":
                asked = by_id.get(asked.parent_id or "")
            if asked is not None:
                found.append((row, asked.id, answer_row.parent_id, answer_row.id))
    return found


def _run(
    placed: _Placed, thread_id: str, keys: dict[str, str], run_keys: dict[str, str], rest: _Rest
) -> RunRecord:
    row, question, parent, answer = placed
    own_ids = {row.thread_id: "@thread", row.question_id: f"@{keys[question]}"}
    if row.answer_id and answer:
        own_ids[row.answer_id] = f"@{keys[answer]}"
    names = own_ids | {one: f"@{key}" for one, key in (keys | run_keys).items()}
    return RunRecord(
        key=run_keys[row.id],
        graph=row.graph,
        question=keys[question],
        parent=keys[parent],
        answer=keys[answer] if answer else None,
        started_at_us=row.started_at_us,
        request={
            name: names.get(value, value)
            for name, value in row.request.items()
            if name in REQUEST
            and value is not None
            and (name not in IDS_IN_REQUEST or value in names)
        },
        events=_lines(row, rest.logs[row.id], names),
        interrupts=tuple(
            AnsweredInterrupt(
                interrupt_id=one.interrupt_id,
                value=one.value,
                response_schema=one.response_schema,
                asked_at_us=one.asked_at_us,
                answer=one.answer,
                answered_at_us=one.answered_at_us,
                resumed_by=run_keys.get(one.resumed_by_run or ""),
            )
            for one in rest.interrupts[row.id]
            if one.answered_at_us is not None
        ),
    )


def _lines(row: Row[Any], parts: list[Row[Any]], names: Mapping[str, str]) -> list[Any]:
    events = []
    for part in parts:
        try:
            events += decode_log(part.payload, run_id=row.id, started_at_us=row.started_at_us)
        except ValueError:
            log.warning("a part of the log of run %s cannot be read", row.id)
            break
    lines = to_lines(events)
    for line in lines:
        if isinstance(line, dict):
            for name in IDS_IN_EVENTS:
                if line.get(name) in names:
                    line[name] = names[line[name]]
    return lines


def _rating(row: Row[Any] | None) -> Rating | None:
    if row is None:
        return None
    return Rating(
        thumb=row.thumb,
        reasons=tuple(row.reasons),
        comment=row.comment,
        rated_at_us=row.rated_at_us,
    )


def _file(row: Row[Any]) -> KeptFile:
    return KeptFile(
        name=row.name,
        media_type=row.media_type,
        content=row.content,
        pages=row.pages,
        created_at_us=row.created_at_us,
    )
