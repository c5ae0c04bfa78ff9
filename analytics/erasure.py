"""Takes a person, a thread or all kept words out of analytics.

The counters stay: a run of an erased person is a run of nobody. Each function goes through the
recorder in chunks, so recording goes on, and can be repeated after a fault. Deleted rows are
overwritten at once (`secure_delete`), but SQLite leaves copies in gaps of pages it split or merged;
only writing the file anew removes those. That is done for a person and for all words, not for every
deleted thread. Backups and reports that were already made are files of their own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from sqlalchemy import Connection, Table, bindparam, delete, select, true, update

from analytics.blocks.labels import changed
from analytics.recorder import Recorder
from analytics.retention import CHUNK_ROWS, PAGES, delete_comments, delete_content
from analytics.schema import (
    alert_event,
    alert_rule,
    budget,
    content,
    feedback,
    label,
    report,
    run,
    saved_view,
)
from core.ids import new_id

CHUNK_RUNS = 500
PAUSE_S = 0.02
REWRITE_TIMEOUT_S = 3_600.0
_USER = "user"


@dataclass(kw_only=True, slots=True)
class Erased:
    """What was found and erased."""

    threads: int = 0
    """Conversations; they are not analytics, whoever deletes them counts them."""
    runs: int = 0
    content: int = 0
    feedback: int = 0
    definitions: int = 0
    """Saved views, alert rules, budgets and entries of reports that named the person."""
    files: list[str] = field(default_factory=list)
    """Files of reports about the person. They are not deleted."""


def erase_user(recorder: Recorder, user_id: str) -> Erased:
    """Everything that ties analytics to a person. Raises StorageError; then call it again.

    The file is written anew at the end (see `maintain`); recorded runs wait in memory meanwhile.
    """
    erased = Erased()
    threads: dict[str, str] = {}
    recorder.erase(user_id)
    _repeat(recorder, lambda c: _unlink_runs(c, user_id, threads, erased))
    _repeat(recorder, lambda c: _unlink_feedback(c, user_id, erased))
    recorder.write(lambda c: _forget_name(c, user_id, erased))
    recorder.maintain(None, REWRITE_TIMEOUT_S)
    return erased


def forget_thread(recorder: Recorder, conversation_id: str, timeout: float = 30.0) -> int:
    """Deletes what is kept of a thread's words; returns how many items. Raises StorageError."""
    runs = select(run.c.run_id).where(run.c.conversation_id == conversation_id)
    condition = content.c.run_id.in_(runs)
    said = feedback.c.run_id.in_(runs) & feedback.c.evaluation_explanation.is_not(None)

    def forget(connection: Connection) -> int:
        connection.execute(update(feedback).where(said).values(evaluation_explanation=None))
        return delete_content(connection, condition, CHUNK_ROWS)

    deleted = _repeat(recorder, forget, timeout)
    if deleted:
        recorder.maintain(PAGES, timeout)
    return deleted


def delete_kept_content(recorder: Recorder) -> int:
    """Deletes all kept questions, answers and prompts, and comments on answers; returns how many.

    Raises StorageError.
    """
    deleted = _repeat(recorder, lambda c: delete_content(c, true(), CHUNK_ROWS))
    deleted += _repeat(recorder, lambda c: delete_comments(c, true(), CHUNK_ROWS))
    recorder.maintain(None, REWRITE_TIMEOUT_S)
    return deleted


# -- a person


def _unlink_runs(
    connection: Connection, user_id: str, threads: dict[str, str], erased: Erased
) -> int:
    found = connection.execute(
        select(run.c.run_id, run.c.conversation_id)
        .where(run.c.user_id == user_id)
        .limit(CHUNK_RUNS)
    ).all()
    rows = [
        {"key": run_id, "thread": threads.setdefault(thread, new_id())} for run_id, thread in found
    ]
    if not rows:
        return 0
    keys = [{"key": row["key"]} for row in rows]
    same = content.c.run_id == bindparam("key")
    erased.content += connection.execute(delete(content).where(same), keys).rowcount
    nobody: dict[str, Any] = {"user_id": None, "conversation_id": bindparam("thread")}
    unlink = update(run).where(run.c.run_id == bindparam("key")).values(nobody)
    connection.execute(unlink, rows)
    opinions = update(feedback).where(feedback.c.run_id == bindparam("key"))
    connection.execute(opinions.values(nobody | {"evaluation_explanation": None}), rows)
    erased.runs += len(rows)
    return len(rows)


def _unlink_feedback(connection: Connection, user_id: str, erased: Erased) -> int:
    """Opinions of the person about runs of others."""
    found = select(feedback.c.feedback_id).where(feedback.c.user_id == user_id).limit(CHUNK_RUNS)
    keys = [{"key": key} for key in connection.execute(found).scalars()]
    if keys:
        connection.execute(
            update(feedback)
            .where(feedback.c.feedback_id == bindparam("key"))
            .values(user_id=None, conversation_id=None, evaluation_explanation=None),
            keys,
        )
    erased.feedback += len(keys)
    return len(keys)


def _forget_name(connection: Connection, user_id: str, erased: Erased) -> None:
    """The name behind the code in figures, and what people saved about the person."""
    named = (label.c.kind == _USER) & (label.c.name == user_id)
    if connection.execute(update(label).where(named).values(name=None)).rowcount:
        changed(connection)
    own = delete(saved_view).where(saved_view.c.owner == user_id)
    erased.definitions += connection.execute(own).rowcount
    for table, key, column in (
        (saved_view, "view_id", "query"),
        (alert_rule, "rule_id", "definition"),
        (budget, "budget_id", "definition"),
        (report, "report_id", "filter"),
    ):
        keys = _naming(connection, table, key, column, user_id)
        for found in keys:
            if table is report:
                erased.files += _files(connection, found)
            if table is alert_rule:
                connection.execute(delete(alert_event).where(alert_event.c.rule_id == found))
            connection.execute(delete(table).where(table.c[key] == found))
        erased.definitions += len(keys)


def _naming(connection: Connection, table: Table, key: str, column: str, user_id: str) -> list[str]:
    rows = connection.execute(select(table.c[key], table.c[column]))
    return [found for found, text in rows if _names(text, user_id)]


def _names(text: str, user_id: str) -> bool:
    """Whether a JSON document or the query of a URL has the id as a value of its own."""
    try:
        return _has(json.loads(text), user_id)
    except ValueError:
        values = parse_qs(text.lstrip("?")).values()
        return any(user_id in (v, *v.split(",")) for found in values for v in found)


def _has(value: object, user_id: str) -> bool:
    if isinstance(value, dict):
        return any(_has(item, user_id) for item in value.values())
    if isinstance(value, list):
        return any(_has(item, user_id) for item in value)
    return value == user_id


def _files(connection: Connection, report_id: str) -> list[str]:
    text = connection.execute(
        select(report.c.files).where(report.c.report_id == report_id)
    ).scalar_one()
    try:
        return sorted(json.loads(text))
    except (ValueError, TypeError):
        return []


# -- inside


def _repeat(recorder: Recorder, chunk: Callable[[Connection], int], timeout: float = 30.0) -> int:
    total = 0
    while deleted := recorder.write(chunk, timeout):
        total += deleted
        time.sleep(PAUSE_S)  # recorded runs pass between two chunks
    return total
