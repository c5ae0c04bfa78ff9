"""Threads and messages as the API shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agents.exchange.desk import Brought
from agents.thread_list import ListedThread, ThreadPage
from agents.thread_search import Found, Hit
from agents.threads import Message, Thread
from api.schemas import CitedSource
from api.thread_schemas import (
    HistoryOut,
    ImportOut,
    ImportProblem,
    MessageOut,
    SearchHit,
    SnippetPiece,
    ThreadOut,
    ThreadPageOut,
)
from api.views import interrupts_of, moment, problem_of_summary
from api.wire import figures

Running = Mapping[str, str]
"""Of the answers under way: thread id to run id."""


def thread_out(one: ListedThread, running: Running, hit: Hit | None = None) -> ThreadOut:
    return ThreadOut(
        thread_id=one.id,
        title=one.title,
        created_at=moment(one.created_at_us),
        updated_at=moment(one.updated_at_us),
        pinned=one.pinned,
        archived=one.archived,
        tags=list(one.tags),
        state=one.state,
        run_id=running.get(one.id),
        hit=None if hit is None else _hit(hit),
    )


def page_out(page: ThreadPage, running: Running) -> ThreadPageOut:
    threads = [thread_out(one, running) for one in page.threads]
    return ThreadPageOut(threads=threads, after=page.after, more=page.after is not None)


def page_of_search(found: Found, running: Running) -> ThreadPageOut:
    threads = [thread_out(hit.thread, running, hit) for hit in found.hits]
    return ThreadPageOut(threads=threads, after=None, more=found.more)


def history_out(
    found: Thread, messages: Sequence[Message], running: Running, *, more: bool
) -> HistoryOut:
    return HistoryOut(
        thread_id=found.id,
        title=found.title,
        run_id=running.get(found.id),
        messages=[message_out(one) for one in messages],
        before=messages[0].id if more and messages else None,
    )


def message_out(one: Message) -> MessageOut:
    said = {
        "message_id": one.id,
        "parent_id": one.parent_id,
        "run_id": one.run_id,
        "role": one.role,
        "text": one.text,
        "created_at": moment(one.created_at_us),
        "versions": list(one.versions),
    }
    summary = one.summary
    if summary is None:
        return MessageOut.model_validate(said)
    return MessageOut.model_validate(
        said
        | figures(summary)
        | {
            "status": summary.status,
            "agent": summary.agent,
            "model": summary.model,
            "sources": [CitedSource.model_validate(source) for source in summary.sources],
            "interrupts": interrupts_of(summary),
            "notice": summary.notice,
            "error": problem_of_summary(summary),
        }
    )


def import_out(brought: Brought) -> ImportOut:
    loaded = brought.loaded
    return ImportOut(
        imported=loaded.imported,
        known=loaded.known,
        broken=loaded.broken,
        messages=loaded.messages,
        problems=[
            ImportProblem(number=one.number, title=one.title, what=one.what, lost=one.lost)
            for one in brought.problems
        ],
    )


def _hit(hit: Hit) -> SearchHit:
    pieces = [SnippetPiece(text=piece.text, matched=piece.matched) for piece in hit.snippet]
    return SearchHit(where=hit.where, message_id=hit.message_id, snippet=pieces)
