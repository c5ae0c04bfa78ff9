"""Search in what people's chats hold: messages, tools' input and output, cited passages, titles, tags.

With SQLite through the index of agents/search_schema.py; for another database, and for writing without
spaces between words, by comparing text. What people type is words, never a query language.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Text,
    and_,
    cast,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)

from agents.search_schema import INDEX, search_doc
from agents.search_words import (
    Piece,
    as_match,
    holds_all,
    snippet,
    words_of,
    written_without_spaces,
)
from agents.tables import message, thread, thread_tag
from agents.thread_filter import ThreadFilter, conditions
from agents.thread_list import ListedThread, listed, values
from core.database import Database

MAX_HITS = 300
_BATCHES = (200, 1_000, 5_000)
Where = Literal["message", "tool", "source", "title", "tag"]
Place = tuple[str, str, str | None]
"""A thread's id, what was found ("message", "title" or a tag), a message's id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    thread: ListedThread
    where: Where
    message_id: str | None
    """None: in the title or a tag."""
    snippet: tuple[Piece, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    hits: tuple[Hit, ...]
    more: bool
    """Whether there are threads beyond the limit."""


class ThreadSearch:
    """`running` as in ThreadList. `index=False` compares text with any database."""

    def __init__(
        self, database: Database, running: Callable[[], Collection[str]], *, index: bool = True
    ) -> None:
        self._db = database
        self._running = running
        self._index = index

    def find(
        self, owner: str, query: str, wanted: ThreadFilter | None = None, *, limit: int = 30
    ) -> Found:
        """One hit per thread, its newest; newest first. All words must be in one message of it, or
        in its title or a tag.

        The last word may be the beginning of one. Without anything that can be looked for, nothing
        is found.
        """
        words, limit = words_of(query), min(limit, MAX_HITS)
        if not words:
            return Found(hits=(), more=False)
        running = set(self._running())
        with self._db.read() as connection:
            dialect = connection.dialect.name
            where = conditions(owner, wanted or ThreadFilter(), running, dialect)
            anywhere = not self._index or dialect != "sqlite" or written_without_spaces(words)
            places = (_by_text if anywhere else _by_index)(connection, words, where)
            first: dict[str, Place] = {}
            for place in places:
                first.setdefault(place[0], place)
                if len(first) > limit:
                    break
            shown = list(first)[:limit]
            rows = connection.execute(listed(owner, dialect).where(thread.c.id.in_(shown))).all()
            threads = {one.id: one for one in values(connection, rows, running)}
            texts = _texts(connection, [first[one][2] for one in shown])
        hits = [_hit(threads[one], first[one], texts, words, anywhere) for one in shown]
        return Found(hits=tuple(hits), more=len(first) > limit)


def _by_index(
    connection: Connection, words: Sequence[str], where: Sequence[ColumnElement[bool]]
) -> Iterator[Place]:
    """Documents with all the words, newest first; read in growing steps until nobody asks on."""
    below, step = 2**62, 0
    while True:
        most = _BATCHES[min(step, len(_BATCHES) - 1)]
        found = connection.exec_driver_sql(
            f"SELECT rowid FROM {INDEX} WHERE {INDEX} MATCH ? AND rowid < ?"
            " ORDER BY rowid DESC LIMIT ?",
            (as_match(words), below, most),
        )
        ids = [row[0] for row in found]
        if ids:
            yield from _places(connection, ids, where)
        if len(ids) < most:
            return
        below, step = ids[-1], step + 1


def _places(
    connection: Connection, ids: Sequence[int], where: Sequence[ColumnElement[bool]]
) -> Iterator[Place]:
    owning = func.coalesce(message.c.thread_id, func.substr(search_doc.c.of, 1, 32))
    query = (
        select(thread.c.id, search_doc.c.of, message.c.id.label("message_id"))
        .select_from(search_doc)
        .outerjoin(message, message.c.id == search_doc.c.of)
        .join(thread, thread.c.id == owning)
        .where(search_doc.c.id.in_(ids), *where)
        .order_by(search_doc.c.id.desc())
    )
    for row in connection.execute(query):
        what = "message" if row.message_id else row.of[33:] or "title"
        yield row.id, what, row.message_id


def _by_text(
    connection: Connection, words: Sequence[str], where: Sequence[ColumnElement[bool]]
) -> Iterator[Place]:
    """The same without an index. What the database finds in a summary's JSON is looked at again."""
    stored = cast(message.c.summary, Text)
    in_message = and_(
        *(
            or_(
                message.c.text.icontains(word, autoescape=True),
                stored.icontains(json.dumps(word)[1:-1], autoescape=True),
            )
            for word in words
        )
    )
    found = union_all(
        select(
            thread.c.id.label("thread_id"),
            literal("message").label("what"),
            message.c.id.label("message_id"),
            message.c.created_at_us.label("at_us"),
        )
        .join(message, message.c.thread_id == thread.c.id)
        .where(in_message, *where),
        select(thread.c.id, literal("title"), null(), thread.c.created_at_us).where(
            *(thread.c.title.icontains(word, autoescape=True) for word in words), *where
        ),
        select(thread.c.id, thread_tag.c.tag, null(), thread.c.created_at_us)
        .join(thread_tag, thread_tag.c.thread_id == thread.c.id)
        .where(*(thread_tag.c.tag.icontains(word, autoescape=True) for word in words), *where),
    ).subquery()
    rows = connection.execute(select(found).order_by(found.c.at_us.desc()))
    for some in rows.partitions(100):
        texts = _texts(connection, [row.message_id for row in some])
        for row in some:
            parts = texts.get(row.message_id)
            whole = "\n".join(parts.values()) if parts else ""
            if parts is None or holds_all(whole, words, anywhere=True):
                yield row.thread_id, row.what, row.message_id


Parts = Mapping[Where, str]


def _texts(connection: Connection, message_ids: Sequence[str | None]) -> dict[str | None, Parts]:
    """What of each message is searched."""
    ids = [one for one in message_ids if one]
    query = select(message.c.id, message.c.text, message.c.summary).where(message.c.id.in_(ids))
    return {row.id: _parts(row.text, row.summary) for row in connection.execute(query)}


def _parts(said: str, summary: Mapping[str, Any] | None) -> Parts:
    kept = summary or {}
    return {
        "message": said,
        "tool": _joined(kept.get("tools"), "name", "input", "output", "error"),
        "source": _joined(kept.get("sources"), "title", "heading", "text"),
    }


def _joined(rows: Sequence[Mapping[str, Any]] | None, *fields: str) -> str:
    return "\n".join(" ".join(str(row.get(f) or "") for f in fields) for row in rows or ())


def _hit(
    one: ListedThread,
    place: Place,
    texts: Mapping[str | None, Parts],
    words: Sequence[str],
    anywhere: bool,
) -> Hit:
    _, what, message_id = place
    parts: Parts = texts.get(message_id, {}) if message_id else {}
    if not parts:
        where: Where = "title" if what == "title" else "tag"
        shown = snippet(one.title if where == "title" else what, words, anywhere=anywhere)
        return Hit(thread=one, where=where, message_id=None, snippet=shown)
    marked = {name: snippet(part, words, anywhere=anywhere) for name, part in parts.items() if part}
    best = max(marked, key=lambda name: len({p.text.lower() for p in marked[name] if p.matched}))
    return Hit(thread=one, where=best, message_id=message_id, snippet=marked[best])
