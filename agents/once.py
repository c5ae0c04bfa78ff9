"""A request that its sender may repeat, after a timeout or a crash, and that one run answers.

The sender chooses a key. For a day the same key with the same request leads to the same run, also
after a restart: the key is written in the transaction that begins the run. With another request it
is refused. The key goes when the run's thread is deleted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from sqlalchemy import Connection, delete, insert, select

from agents.databases import Databases
from agents.tables import asked_once
from agents.threads import now_us
from core.database import Database
from core.errors import InvalidInput, KeyReused

if TYPE_CHECKING:
    from agents.run import Run, TurnRequest

KEPT_US = 24 * 3600 * 1_000_000
MAX_KEY_CHARS = 200
_SAME = (
    "text", "thread_id", "graph", "agent", "model", "fallback", "temperature", "retrieval",
    "prompt", "attachments", "edits", "answers", "continues", "resumes", "decisions", "metadata",
)  # fmt: skip
"""What makes two requests the same."""


class AskedBefore(Exception):
    """Raised within the transaction that would have begun a second run."""

    def __init__(self, run_id: str, digest: str) -> None:
        super().__init__(run_id)
        self.run_id, self.digest = run_id, digest


class AskedOnce:
    """Made by the runtime; `start` is its own."""

    def __init__(self, database: Database | Databases, start: Callable[[TurnRequest], Run]) -> None:
        self._db = Databases.around(database).kept
        self._start = start

    def start(self, request: TurnRequest, key: str) -> str:
        """Id of the run that answers the request: a new one, or the one that was begun before.

        Raises KeyReused, InvalidInput for a bad key, and what `start` raises.
        """
        from agents.run import Once

        if not 0 < len(key) <= MAX_KEY_CHARS or not key.isprintable():
            raise InvalidInput(
                f"An idempotency key has 1 to {MAX_KEY_CHARS} printable characters.",
                what_to_do="Use a random UUID, for example.",
            )
        digest = digest_of(request)
        with self._db.read() as connection:
            row = _row(connection, request.owner, key)
        if row is not None:
            return _same(row, digest)
        try:
            return self._start(replace(request, once=Once(key=key, digest=digest))).id
        except AskedBefore as before:  # the other of two that came at once
            return _same((before.run_id, before.digest), digest)


def refuse_second(connection: Connection, request: TurnRequest) -> None:
    """Raises AskedBefore when a run answers this request already."""
    if request.once is not None:
        row = _row(connection, request.owner, request.once.key)
        if row is not None:
            raise AskedBefore(*row)


def note(connection: Connection, request: TurnRequest, run_id: str) -> None:
    """Writes down which run answers the request; forgets keys of yesterday."""
    if request.once is None:
        return
    now = now_us()
    connection.execute(delete(asked_once).where(asked_once.c.created_at_us <= now - KEPT_US))
    connection.execute(
        insert(asked_once).values(
            owner=request.owner,
            key=request.once.key,
            digest=request.once.digest,
            run_id=run_id,
            created_at_us=now,
        )
    )


def digest_of(request: TurnRequest) -> str:
    """SHA-256 of what is asked for, in hex."""
    asked = asdict(request)
    form = json.dumps({name: asked[name] for name in _SAME}, sort_keys=True, default=str)
    return hashlib.sha256(form.encode("utf-8", "replace")).hexdigest()


def _row(connection: Connection, owner: str, key: str) -> tuple[str, str] | None:
    query = select(asked_once.c.run_id, asked_once.c.digest).where(
        asked_once.c.owner == owner,
        asked_once.c.key == key,
        asked_once.c.created_at_us > now_us() - KEPT_US,
    )
    row = connection.execute(query).first()
    return None if row is None else (row[0], row[1])


def _same(row: tuple[str, str], digest: str) -> str:
    run_id, before = row
    if before != digest:
        raise KeyReused("This idempotency key was used before, for another request.")
    return run_id
