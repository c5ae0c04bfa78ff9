"""The list of a person's chats: in pages, with what goes on in each, and what people do with them.

What is in a thread is agents/threads.py. Every call names the owner; one id that is foreign or
unknown raises NotFound and then nothing of the call is done.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, select, tuple_, update
from sqlalchemy import delete as sql_delete

from agents.tables import message, thread, thread_tag
from agents.thread_filter import (
    FAILED,
    State,
    ThreadFilter,
    conditions,
    fact,
    head,
    is_unread,
    waiting,
)
from agents.threads import now_us
from core.database import Database
from core.errors import InvalidInput, NotFound
from core.ids import is_id
from core.text import clean

MAX_TITLE = 200
MAX_TAG = 60
MAX_TAGS = 20
MAX_AT_ONCE = 10_000
MAX_PINNED = 100
_CHUNK = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class ListedThread:
    id: str
    title: str
    created_at_us: int
    updated_at_us: int
    pinned: bool
    archived: bool
    tags: tuple[str, ...]
    state: State


@dataclass(frozen=True, kw_only=True, slots=True)
class ThreadPage:
    threads: tuple[ListedThread, ...]
    after: str | None
    """Where the next page begins; None at the end."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What filters can be set to, because an answer of the person has it."""

    agents: tuple[str, ...]
    models: tuple[str, ...]
    errors: tuple[str, ...]


class ThreadList:
    """`running` gives the ids of threads that are answering at this moment."""

    def __init__(self, database: Database, running: Callable[[], Collection[str]]) -> None:
        self._db = database
        self._running = running

    # -- reading

    def page(
        self,
        owner: str,
        wanted: ThreadFilter | None = None,
        *,
        after: str | None = None,
        limit: int = 30,
    ) -> ThreadPage:
        """Newest change first. `after` is what the page before said; InvalidInput when it is not."""
        running = set(self._running())
        order = (thread.c.updated_at_us.desc(), thread.c.id.desc())
        with self._db.read() as connection:
            where = conditions(owner, wanted or ThreadFilter(), running, connection.dialect.name)
            if after is not None:
                at_us, last_id = _cursor(after)
                where.append(tuple_(thread.c.updated_at_us, thread.c.id) < tuple_(at_us, last_id))
            query = listed(owner, connection.dialect.name).where(*where).order_by(*order)
            rows = connection.execute(query.limit(limit + 1)).all()
            threads = values(connection, rows[:limit], running)
        more = len(rows) > limit and threads
        return ThreadPage(
            threads=tuple(threads),
            after=f"{threads[-1].updated_at_us}.{threads[-1].id}" if more else None,
        )

    def pinned(self, owner: str) -> list[ListedThread]:
        """Newest pin first; they stand above the first page."""
        running = set(self._running())
        with self._db.read() as connection:
            dialect = connection.dialect.name
            where = conditions(owner, ThreadFilter(pinned=True), running, dialect)
            query = listed(owner, dialect).where(*where).order_by(thread.c.pinned_at_us.desc())
            return values(connection, connection.execute(query.limit(MAX_PINNED)).all(), running)

    def states(self, owner: str, thread_ids: Sequence[str]) -> dict[str, State]:
        """What goes on in each now. Unknown and foreign ids are left out."""
        running = set(self._running())
        with self._db.read() as connection:
            query = listed(owner, connection.dialect.name)
            rows = connection.execute(
                query.where(thread.c.owner == owner, thread.c.id.in_(thread_ids))
            )
            return {row.id: _state(row, running) for row in rows}

    def of_ids(self, owner: str, thread_ids: Sequence[str]) -> list[ListedThread]:
        """In the order of the ids. NotFound unless every one is a thread of the owner."""
        running = set(self._running())
        with self._db.read() as connection:
            ids = _owned(connection, thread_ids, owner)
            found: dict[str, ListedThread] = {}
            for some in _chunks(ids):
                query = listed(owner, connection.dialect.name).where(thread.c.id.in_(some))
                rows = connection.execute(query).all()
                found |= {one.id: one for one in values(connection, rows, running)}
        return [found[one] for one in ids]

    def count(self, owner: str, wanted: ThreadFilter, *, most: int = 10_000) -> int:
        """How many there are; never more than `most`."""
        with self._db.read() as connection:
            where = conditions(owner, wanted, self._running(), connection.dialect.name)
            some = select(thread.c.id).where(*where).limit(most).subquery()
            return connection.scalar(select(func.count()).select_from(some)) or 0

    def tags(self, owner: str) -> dict[str, int]:
        """Tag -> how many threads have it, by name."""
        query = (
            select(thread_tag.c.tag, func.count())
            .join(thread, thread.c.id == thread_tag.c.thread_id)
            .where(thread.c.owner == owner, thread.c.kind == "chat")
            .group_by(thread_tag.c.tag)
        )
        with self._db.read() as connection:
            found = [(row[0], row[1]) for row in connection.execute(query)]
        return dict(sorted(found, key=lambda pair: (pair[0].casefold(), pair[0])))

    def facts(self, owner: str) -> Facts:
        with self._db.read() as connection:
            dialect = connection.dialect.name
            columns = [fact(message, name, dialect) for name in ("agent", "model", "error.code")]
            query = (
                select(*columns)
                .distinct()
                .join(thread, thread.c.id == message.c.thread_id)
                .where(
                    thread.c.owner == owner, thread.c.kind == "chat", message.c.role == "assistant"
                )
            )
            rows = connection.execute(query).all()
        agents, models, errors = (tuple(sorted({r[n] for r in rows if r[n]})) for n in range(3))
        return Facts(agents=agents, models=models, errors=errors)

    # -- changing

    def rename(self, thread_id: str, owner: str, title: str) -> str:
        """Gives the title as it was kept: one line of at most MAX_TITLE characters."""
        kept = " ".join(clean(title).split())[:MAX_TITLE].strip()
        if not kept:
            raise InvalidInput("The title is empty.", what_to_do="Type a title of a few words.")
        self._set([thread_id], owner, title=kept)
        return kept

    def pin(self, thread_ids: Iterable[str], owner: str, *, pinned: bool = True) -> int:
        """Gives how many threads it was; so do all of these."""
        return self._set(thread_ids, owner, pinned_at_us=now_us() if pinned else None)

    def archive(self, thread_ids: Iterable[str], owner: str) -> int:
        """Takes them out of the list. Nothing of them is lost; also `restore` asks for nothing else."""
        return self._set(thread_ids, owner, archived_at_us=now_us())

    def restore(self, thread_ids: Iterable[str], owner: str) -> int:
        return self._set(thread_ids, owner, archived_at_us=None)

    def mark_seen(self, thread_id: str, owner: str) -> bool:
        """Notes that a person looks at the thread; True when it was unread. Writes only then."""
        last = head()
        unread = (
            select(thread.c.id)
            .join(last, last.c.id == thread.c.head_id)
            .where(thread.c.id == thread_id, thread.c.owner == owner, is_unread(last))
        )
        with self._db.read() as connection:
            if connection.scalar(unread) is None:
                return False
        self._set([thread_id], owner, seen_at_us=now_us())
        return True

    def add_tags(self, thread_ids: Iterable[str], owner: str, tags: Iterable[str]) -> int:
        """Raises InvalidInput when a tag is empty or too long, or a thread would have too many."""
        wanted = cleaned_tags(tags)
        with self._db.write() as connection:
            ids = _owned(connection, thread_ids, owner)
            have = _tags_of(connection, ids)
            for thread_id in ids:
                there = {tag.casefold() for tag in have.get(thread_id, ())}
                fresh = [tag for tag in wanted if tag.casefold() not in there]
                if len(there) + len(fresh) > MAX_TAGS:
                    raise InvalidInput(
                        f"A thread can have {MAX_TAGS} tags.", what_to_do="Remove one first."
                    )
                if fresh:
                    rows = [{"thread_id": thread_id, "tag": tag} for tag in fresh]
                    connection.execute(insert(thread_tag), rows)
        return len(ids)

    def remove_tags(self, thread_ids: Iterable[str], owner: str, tags: Iterable[str]) -> int:
        gone = list(tags)
        with self._db.write() as connection:
            ids = _owned(connection, thread_ids, owner)
            for some in _chunks(ids):
                connection.execute(
                    sql_delete(thread_tag).where(
                        thread_tag.c.thread_id.in_(some), thread_tag.c.tag.in_(gone)
                    )
                )
        return len(ids)

    def set_tags(self, thread_id: str, owner: str, tags: Iterable[str]) -> None:
        """Exactly these, in one transaction."""
        wanted = cleaned_tags(tags)
        with self._db.write() as connection:
            _owned(connection, [thread_id], owner)
            have = set(_tags_of(connection, [thread_id]).get(thread_id, ()))
            for tag in have - set(wanted):
                connection.execute(
                    sql_delete(thread_tag).where(
                        thread_tag.c.thread_id == thread_id, thread_tag.c.tag == tag
                    )
                )
            rows = [{"thread_id": thread_id, "tag": tag} for tag in wanted if tag not in have]
            if rows:
                connection.execute(insert(thread_tag), rows)

    def _set(self, thread_ids: Iterable[str], owner: str, **values: Any) -> int:
        with self._db.write() as connection:
            ids = _owned(connection, thread_ids, owner)
            for some in _chunks(ids):
                connection.execute(update(thread).where(thread.c.id.in_(some)).values(**values))
        return len(ids)


def listed(owner: str, dialect: str) -> Select[Any]:
    """Threads with what `values` needs to know; the caller says which."""
    last = head()
    return select(
        thread,
        fact(last, "status", dialect).in_(FAILED).label("failed"),
        is_unread(last).label("unread"),
        thread.c.id.in_(waiting(owner)).label("waiting"),
    ).outerjoin(last, last.c.id == thread.c.head_id)


def values(
    connection: Connection, rows: Sequence[Row[Any]], running: Collection[str]
) -> list[ListedThread]:
    tags = _tags_of(connection, [row.id for row in rows])
    return [
        ListedThread(
            id=row.id,
            title=row.title,
            created_at_us=row.created_at_us,
            updated_at_us=row.updated_at_us,
            pinned=row.pinned_at_us is not None,
            archived=row.archived_at_us is not None,
            tags=tuple(tags.get(row.id, ())),
            state=_state(row, running),
        )
        for row in rows
    ]


def cleaned_tags(tags: Iterable[str]) -> list[str]:
    """As they are kept: one line, without a leading "#", each once. Raises InvalidInput."""
    found: dict[str, str] = {}
    for given in tags:
        tag = " ".join(clean(given).split()).lstrip("#").strip()
        if not tag:
            raise InvalidInput("A tag is empty.", what_to_do="Type at least one character.")
        if len(tag) > MAX_TAG:
            raise InvalidInput(
                f"A tag has {len(tag):,} characters; the limit is {MAX_TAG}.",
                what_to_do="Use a shorter tag.",
            )
        found.setdefault(tag.casefold(), tag)
    if len(found) > MAX_TAGS:
        raise InvalidInput(f"A thread can have {MAX_TAGS} tags.", what_to_do="Remove some.")
    return list(found.values())


def _state(row: Row[Any], running: Collection[str]) -> State:
    if row.id in running:
        return "running"
    if row.waiting:
        return "waiting"
    if row.failed:
        return "failed"
    return "unread" if row.unread else "idle"


def _owned(connection: Connection, thread_ids: Iterable[str], owner: str) -> list[str]:
    """The ids, each once. NotFound unless every one is a thread of the owner."""
    ids = list(dict.fromkeys(thread_ids))
    if len(ids) > MAX_AT_ONCE:
        raise InvalidInput(f"At most {MAX_AT_ONCE:,} threads can be changed at once.")
    found = 0
    if all(is_id(one) for one in ids):
        for some in _chunks(ids):
            query = select(func.count()).where(thread.c.id.in_(some), thread.c.owner == owner)
            found += connection.scalar(query) or 0
    if found != len(ids):
        raise NotFound(
            "There is no such thread.",
            what_to_do="Choose a thread from the list or start a new one.",
        )
    return ids


def _tags_of(connection: Connection, thread_ids: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for some in _chunks(thread_ids):
        query = (
            select(thread_tag).where(thread_tag.c.thread_id.in_(some)).order_by(thread_tag.c.tag)
        )
        for row in connection.execute(query):
            found.setdefault(row.thread_id, []).append(row.tag)
    return found


def _chunks(ids: Sequence[str]) -> list[Sequence[str]]:
    return [ids[at : at + _CHUNK] for at in range(0, len(ids), _CHUNK)]


def _cursor(after: str) -> tuple[int, str]:
    at_us, _, last_id = after.partition(".")
    if not at_us.removeprefix("-").isdecimal() or len(at_us) > 18 or not is_id(last_id):
        raise InvalidInput("This place in the list is not known.", what_to_do="Begin at the top.")
    return int(at_us), last_id
