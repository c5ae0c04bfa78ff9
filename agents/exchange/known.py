"""Which conversations somebody has already, by what is said in them."""

from __future__ import annotations

from collections import defaultdict

from sqlalchemy import select

from agents.exchange.gather import gather
from agents.tables import thread
from core.conversation import Conversation
from core.database import Database


class Known:
    """As of its making; `add` what comes in meanwhile.

    An imported thread remembers what it was made of, so the same file again brings nothing. A thread
    begun here is compared as it is now with what has the same time of creation: an export that comes
    home brings nothing either.
    """

    def __init__(self, database: Database, owner: str) -> None:
        self._db, self._owner = database, owner
        query = select(thread.c.id, thread.c.created_at_us, thread.c.source_hash).where(
            thread.c.owner == owner, thread.c.kind == "chat"
        )
        self._hashes: set[str] = set()
        self._made_at: dict[int, list[str]] = defaultdict(list)
        with database.read() as connection:
            for row in connection.execute(query):
                self._made_at[row.created_at_us].append(row.id)
                if row.source_hash:
                    self._hashes.add(row.source_hash)

    def has(self, one: Conversation, digest: str) -> bool:
        if digest in self._hashes:
            return True
        same_time = self._made_at.pop(one.created_at_us, []) if one.created_at_us else []
        if same_time:
            with self._db.read() as connection:
                found = gather(connection, self._owner, same_time, whole=False)
                self._hashes.update(thread.digest() for thread in found)
        return digest in self._hashes

    def add(self, digest: str) -> None:
        self._hashes.add(digest)
