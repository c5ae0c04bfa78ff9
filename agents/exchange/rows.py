"""A conversation as rows of the database. Every id is made anew; every row names its owner."""

from __future__ import annotations

import hashlib
from typing import Any

from agents.exchange import checked, own
from agents.exchange.gather import IDS_IN_EVENTS, IDS_IN_REQUEST
from agents.run_store import IMPORTED, NO_RUN
from core.conversation import Conversation, Message, RunRecord
from core.ids import new_id
from core.log_codec import encode_log

Row = dict[str, Any]
Rows = dict[str, list[Row]]


def rows_of(one: Conversation, owner: str, digest: str, *, kind: str, group: str, now: int) -> Rows:
    """Table name → rows, in an order that can be inserted."""
    thread_id = new_id()
    keys = {message.key: new_id() for message in one.messages}
    # Sorted: runs that began together keep their order when they are read again.
    run_ids = sorted(new_id() for _ in one.runs)
    runs = {record.key: run_id for record, run_id in zip(one.runs, run_ids, strict=True)}
    times = _times(one, now)
    created = one.created_at_us or min(times.values(), default=now)
    updated = one.updated_at_us or max([created, *times.values()])
    found: Rows = {
        "thread": [
            {
                "id": thread_id, "owner": owner, "kind": kind, "group_id": group, "title": one.title,
                "created_at_us": created, "updated_at_us": updated,
                "head_id": keys.get(one.head or ""),
                "pinned_at_us": one.pinned_at_us, "archived_at_us": one.archived_at_us,
                "seen_at_us": updated, "source": one.source or own.NAME, "source_hash": digest,
            }
        ],
        "thread_tag": [{"thread_id": thread_id, "tag": tag} for tag in one.tags],
        "message": [],
        "run": [],
        "run_log": [],
        "interrupt": [],
        "message_rating": [],
        "attachment": [],
    }  # fmt: skip
    for position, message in enumerate(one.messages):
        found["message"].append(
            {
                "id": keys[message.key],
                "thread_id": thread_id,
                "parent_id": keys.get(message.parent or ""),
                "position": position,
                "run_id": runs.get(message.run or "", NO_RUN),
                "role": message.role,
                "text": message.text,
                "summary": _summary(message),
                "created_at_us": times[message.key],
            }
        )
        _add_rest(found, message, keys[message.key], thread_id, owner, times[message.key])
    names = {f"@{key}": value for key, value in (keys | runs).items()} | {"@thread": thread_id}
    places = {message.key: number for number, message in enumerate(one.messages)}
    for record in one.runs:
        _add_run(found, record, names, thread_id, owner)
        position = places.get(record.answer or "", len(places))
        found["run"][-1] |= {"position": position}
    return found


def size_of(rows: Rows) -> int:
    """Roughly how many characters are written."""
    texts: int = sum(len(row["text"]) for row in rows["message"])
    logs: int = sum(len(row["payload"]) for row in rows["run_log"])
    files: int = sum(row["size_bytes"] for row in rows["attachment"])
    return texts + logs + files


def _summary(message: Message) -> Row | None:
    """What says something, and the status, by which chats are found."""
    if message.summary is None:
        return None
    return {"status": message.summary.status} | checked.without_defaults(message.summary)


def _times(one: Conversation, now: int) -> dict[str, int]:
    """When each message was written; one that does not say, with the one before."""
    found: dict[str, int] = {}
    for message in one.messages:
        before = found.get(message.parent or "", one.created_at_us or now)
        found[message.key] = before if message.created_at_us is None else message.created_at_us
    return found


def _add_rest(
    found: Rows, message: Message, message_id: str, thread_id: str, owner: str, at_us: int
) -> None:
    if message.rating is not None:
        found["message_rating"].append(
            {
                "message_id": message_id, "owner": owner, "thumb": message.rating.thumb,
                "reasons": list(message.rating.reasons), "comment": message.rating.comment,
                "rated_at_us": at_us if message.rating.rated_at_us is None
                else message.rating.rated_at_us,
            }
        )  # fmt: skip
    ids = sorted(new_id() for _ in message.files)
    for file, file_id in zip(message.files, ids, strict=True):
        found["attachment"].append(
            {
                "id": file_id, "thread_id": thread_id, "message_id": message_id, "owner": owner,
                "name": file.name, "media_type": file.media_type,
                "sha256": hashlib.sha256(file.content).hexdigest(),
                "size_bytes": len(file.content), "pages": file.pages, "content": file.content,
                "created_at_us": at_us if file.created_at_us is None else file.created_at_us,
            }
        )  # fmt: skip


def _add_run(
    found: Rows, record: RunRecord, names: dict[str, str], thread_id: str, owner: str
) -> None:
    run_id = names[f"@{record.key}"]
    request = checked.request(record.request)
    for name in IDS_IN_REQUEST:
        if name in request:
            request[name] = names.get(request[name])
    found["run"].append(
        {
            "id": run_id, "thread_id": thread_id, "owner": owner, "graph": record.graph,
            "status": IMPORTED, "request": request | {"owner": owner},
            "question_id": names[f"@{record.question}"], "parent_id": names[f"@{record.parent}"],
            "answer_id": names[f"@{record.answer}"] if record.answer else None,
            "started_at_us": record.started_at_us,
        }
    )  # fmt: skip
    lines = [_with_ids(line, names) for line in record.events]
    if lines:
        events = checked.events(lines, run_id, record.started_at_us)
        found["run_log"].append(
            {"run_id": run_id, "first_seq": 0, "payload": encode_log(events)}
        )  # fmt: skip
    for told in record.interrupts:
        found["interrupt"].append(
            {
                "run_id": run_id, "interrupt_id": told.interrupt_id, "owner": owner,
                "value": told.value, "response_schema": told.response_schema,
                "asked_at_us": told.asked_at_us, "answer": told.answer,
                "answered_at_us": told.answered_at_us, "answered_by": owner,
                "resumed_by_run": names.get(f"@{told.resumed_by}"),
            }
        )  # fmt: skip


def _with_ids(line: Any, names: dict[str, str]) -> Any:
    if not isinstance(line, dict):
        return line
    return {
        name: names.get(value, value) if name in IDS_IN_EVENTS and isinstance(value, str) else value
        for name, value in line.items()
    }
