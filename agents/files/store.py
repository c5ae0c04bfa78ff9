"""Attachments in app.db: the bytes people gave, with the thread and the question they came with.

Every call names the owner; a foreign id answers like an unknown one. The bytes are read only where
they are needed: lists come without them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, literal, select, update
from sqlalchemy.sql.elements import ColumnElement

from agents.databases import Databases
from agents.files.names import unused_name
from agents.files.values import Attachment
from agents.tables import attachment, message
from core.database import Database
from core.errors import NotFound
from core.ids import is_id, new_id

_INFO = [column for column in attachment.c if column.name != "content"]
_COPIED = (
    "owner",
    "name",
    "media_type",
    "sha256",
    "size_bytes",
    "pages",
    "content",
    "created_at_us",
)


class AttachmentStore:
    """Any thread may call it."""

    def __init__(self, database: Database | Databases) -> None:
        self._dbs = Databases.around(database)

    def write(self, thread_id: str) -> AbstractContextManager[Connection]:
        """A transaction where a thread is kept."""
        return self._dbs.of(thread_id).write()

    def add(self, connection: Connection, new: Attachment, content: bytes, owner: str) -> None:
        """Within the caller's transaction. A name that another file of the thread has gets a
        number."""
        rows = connection.execute(
            select(attachment.c.name, attachment.c.sha256).where(
                attachment.c.thread_id == new.thread_id
            )
        ).all()
        others = [row.name for row in rows if row.sha256 != new.sha256]
        connection.execute(
            insert(attachment).values(
                id=new.id,
                thread_id=new.thread_id,
                message_id=new.message_id,
                owner=owner,
                name=unused_name(new.name, others),
                media_type=new.media_type,
                sha256=new.sha256,
                size_bytes=new.size_bytes,
                pages=new.pages,
                content=content,
                created_at_us=new.created_at_us,
            )
        )

    def of_thread(self, thread_id: str, owner: str) -> list[Attachment]:
        """Oldest first; none for a foreign thread."""
        query = (
            select(*_INFO)
            .where(attachment.c.thread_id == thread_id, attachment.c.owner == owner)
            .order_by(attachment.c.created_at_us, attachment.c.id)
        )
        with self._dbs.of(thread_id).read() as connection:
            return [_attachment(row) for row in connection.execute(query)]

    def of_messages(
        self, thread_id: str, message_ids: Collection[str], owner: str
    ) -> Mapping[str, Sequence[Attachment]]:
        """Those of the questions that have files, with them. A new version of a question has the
        files of the versions before it too."""
        files = self.of_thread(thread_id, owner) if message_ids else []
        if not files:
            return {}
        older, newer = message.alias(), message.alias()
        query = (
            select(newer.c.id, older.c.id.label("came_with"))
            .join(
                older,
                (older.c.thread_id == newer.c.thread_id)
                & older.c.parent_id.is_not_distinct_from(newer.c.parent_id)
                & (older.c.position <= newer.c.position),
            )
            .where(
                older.c.thread_id == thread_id,
                older.c.role == "user",
                newer.c.role == "user",
                older.c.id.in_({str(one.message_id) for one in files}),
            )
        )
        with self._dbs.of(thread_id).read() as connection:
            pairs = {(row.id, row.came_with) for row in connection.execute(query)}
        found: dict[str, list[Attachment]] = {}
        for message_id in message_ids:
            own = [one for one in files if (message_id, one.message_id) in pairs]
            if own:
                found[message_id] = own
        return found

    def image(self, thread_id: str, sha256: str, owner: str) -> tuple[Attachment, bytes]:
        """An image of a thread by its bytes' hash. Raises NotFound."""
        query = select(attachment).where(
            attachment.c.thread_id == thread_id,
            attachment.c.owner == owner,
            attachment.c.sha256 == sha256,
        )
        with self._dbs.of(thread_id).read() as connection:
            row = connection.execute(query.limit(1)).first()
        if row is None:
            raise NotFound("There is no such file.", what_to_do="It may have been deleted.")
        return _attachment(row), bytes(row.content)

    def content(self, attachment_id: object, owner: str) -> tuple[Attachment, bytes]:
        """Raises NotFound."""
        query = select(attachment).where(
            attachment.c.id == attachment_id, attachment.c.owner == owner
        )
        for database in self._dbs.all() if is_id(attachment_id) else ():
            with database.read() as connection:
                row = connection.execute(query).first()
            if row is not None:
                return _attachment(row), bytes(row.content)
        raise NotFound("There is no such file.", what_to_do="It may have been deleted.")

    def delete(self, attachment_id: object, owner: str) -> Attachment:
        """Removes one file for good; gives what it was. Raises NotFound."""
        mine = (attachment.c.id == attachment_id, attachment.c.owner == owner)
        for database in self._dbs.all() if is_id(attachment_id) else ():
            with database.write() as connection:
                row = connection.execute(select(*_INFO).where(*mine)).first()
                connection.execute(delete(attachment).where(*mine))
            if row is not None:
                database.empty_log()
                return _attachment(row)
        raise NotFound("There is no such file.", what_to_do="It may have been deleted.")

    def settle(
        self,
        connection: Connection,
        ids: Collection[str],
        thread_id: str,
        message_id: str,
        owner: str,
    ) -> list[str]:
        """Gives files of a queued message to its question; the ids of those that there were."""
        waiting = (
            attachment.c.id.in_(list(ids)),
            attachment.c.thread_id == thread_id,
            attachment.c.owner == owner,
            attachment.c.message_id.is_(None),
        )
        found = list(connection.scalars(select(attachment.c.id).where(*waiting)))
        connection.execute(update(attachment).where(*waiting).values(message_id=message_id))
        return found

    def threads(self, thread_ids: Collection[str]) -> set[str]:
        """Those of the threads that are kept and have files."""
        query = select(attachment.c.thread_id).distinct()
        with self._dbs.kept.read() as connection:
            return set(connection.scalars(query)) & set(thread_ids)

    def used_bytes(self, owner: str) -> int:
        """What all files of a person take."""
        query = select(func.sum(attachment.c.size_bytes)).where(attachment.c.owner == owner)
        with self._dbs.kept.read() as connection:
            return int(connection.scalar(query) or 0)


def _attachment(row: Row[Any]) -> Attachment:
    return Attachment(
        id=row.id,
        thread_id=row.thread_id,
        message_id=row.message_id,
        name=row.name,
        media_type=row.media_type,
        size_bytes=row.size_bytes,
        sha256=row.sha256,
        pages=row.pages,
        created_at_us=row.created_at_us,
    )


def copy_files(
    connection: Connection, source: str, target: str, message_ids: Mapping[str, str]
) -> None:
    """Files of a thread for a copy of it, within the transaction that copies.

    `message_ids`: each copied message's id to that of its copy. Files of messages that are not
    copied stay behind. The bytes never leave the database.
    """
    query = select(attachment.c.id, attachment.c.message_id)
    for row in connection.execute(query.where(attachment.c.thread_id == source)).all():
        copied_to = message_ids.get(row.message_id)
        if copied_to is None:
            continue
        own = {"id": new_id(), "thread_id": target, "message_id": copied_to}
        columns: list[ColumnElement[Any]] = [
            *(literal(value) for value in own.values()),
            *(attachment.c[name] for name in _COPIED),
        ]
        connection.execute(
            insert(attachment).from_select(
                [*own, *_COPIED], select(*columns).where(attachment.c.id == row.id)
            )
        )
