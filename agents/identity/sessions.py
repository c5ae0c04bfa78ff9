"""Logins of the pages: begun by a password or by an identity provider, ended by hand or by time."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from agents.identity.audit import Audit
from agents.identity.changes import Changes
from agents.identity.credentials import digest, is_session_token, new_session_token
from agents.identity.roles import Roles
from agents.identity.tables import account, api_key, login_session
from agents.identity.values import COARSE_US, Clock, Session
from core.database import Database
from core.errors import StorageError
from core.identity import Principal, Via
from core.ids import new_id

KEEP_ENDED_US = 30 * 86_400_000_000


class Sessions:
    """Safe from any thread. Raises StorageError."""

    def __init__(
        self, database: Database, audit: Audit, changes: Changes, roles: Roles, clock: Clock
    ) -> None:
        self._db, self._audit, self._changes = database, audit, changes
        self._roles, self._clock = roles, clock

    def begin(self, owner: str, created_at_us: int, expires_at_us: int) -> str:
        """The token of a session for somebody whose password was right."""
        token = new_session_token()
        with self._db.write() as connection:
            insert_session(
                connection, owner, digest(token), "password", created_at_us, expires_at_us
            )
        return token

    def find(self, token: object) -> Principal | None:
        """None for a token that is not, or no longer, good. Notes that it was used, if it can."""
        if not is_session_token(token):
            return None
        return self._good(login_session.c.token_hash == digest(cast(str, token)))

    def by_id(self, session_id: str) -> Principal | None:
        return self._good(login_session.c.id == session_id)

    def end(self, token: object) -> None:
        """Logs out. Idempotent."""
        found = self.find(token)
        if found is not None:
            self.end_one(found)

    def end_one(self, principal: Principal) -> None:
        """Logs this session out, whichever way it began. Idempotent."""
        ended = update(login_session).where(
            login_session.c.id == principal.credential_id, login_session.c.ended_at_us.is_(None)
        )
        with self._db.write() as connection:
            changed = connection.execute(ended.values(ended_at_us=self._clock())).rowcount
        self._changes.made()
        if changed:
            self._audit.note(principal, "log_out")

    def end_all(self, owner: str, by: Principal | None = None) -> None:
        """Ends every session, key and token that was issued to this person up to now. Idempotent."""
        with self._db.write() as connection:
            there = end_credentials(connection, owner, self._clock())
        self._changes.made()
        if there:
            self._audit.note(by, "sessions_ended", owner)

    def of(self, owner: str) -> list[Session]:
        """Those that are still good, the newest first."""
        query = (
            select(login_session)
            .where(login_session.c.owner == owner, *_open(self._clock()))
            .order_by(login_session.c.created_at_us.desc())
        )
        with self._db.read() as connection:
            return [
                Session(
                    id=row.id,
                    owner=row.owner,
                    via=row.via,
                    created_at_us=row.created_at_us,
                    expires_at_us=row.expires_at_us,
                    seen_at_us=row.seen_at_us,
                )
                for row in connection.execute(query)
            ]

    def tidy(self) -> None:
        """Removes sessions that ended long ago."""
        old = login_session.c.expires_at_us < self._clock() - KEEP_ENDED_US
        with self._db.write() as connection:
            connection.execute(delete(login_session).where(old))

    def _good(self, which: ColumnElement[bool]) -> Principal | None:
        now = self._clock()
        query = select(
            account,
            login_session.c.id,
            login_session.c.via,
            login_session.c.created_at_us.label("begun_at_us"),
            login_session.c.expires_at_us,
            login_session.c.seen_at_us.label("used_at_us"),
        ).where(
            which,
            login_session.c.owner == account.c.owner,
            account.c.disabled_at_us.is_(None),
            login_session.c.created_at_us > account.c.valid_after_us,
            *_open(now),
        )
        with self._db.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        if now - row.used_at_us >= COARSE_US:
            with suppress(StorageError), self._db.write() as connection:  # keeps nobody out
                _seen(connection, row, now)
        return Principal(
            owner=row.owner,
            name=row.name,
            role=self._roles.of(row),
            via=row.via,
            credential_id=row.id,
            issued_at_us=row.begun_at_us,
            expires_at_us=row.expires_at_us,
        )


def insert_session(
    connection: Connection,
    owner: str,
    token_hash: str,
    via: Via,
    created_at_us: int,
    expires_at_us: int,
) -> str:
    session_id = new_id()
    connection.execute(
        insert(login_session).values(
            id=session_id,
            owner=owner,
            token_hash=token_hash,
            via=via,
            created_at_us=created_at_us,
            expires_at_us=expires_at_us,
            seen_at_us=created_at_us,
        )
    )
    see_person(connection, owner, created_at_us)
    return session_id


def _seen(connection: Connection, row: Row[Any], now: int) -> None:
    one = update(login_session).where(login_session.c.id == row.id)
    connection.execute(one.values(seen_at_us=now))
    see_person(connection, row.owner, now)


def see_person(connection: Connection, owner: str, now: int) -> None:
    """Notes when somebody was last here, whichever way they came in."""
    connection.execute(update(account).where(account.c.owner == owner).values(seen_at_us=now))


def end_credentials(connection: Connection, owner: str, now: int) -> bool:
    """Nothing that was issued to this person up to now holds after the transaction.

    False: there is no such account.
    """
    before = select(account.c.valid_after_us).where(account.c.owner == owner)
    known = connection.execute(before).scalar_one_or_none()
    person = update(account).where(account.c.owner == owner)
    # Later than the end before it, also when the clock was set back in between.
    connection.execute(person.values(valid_after_us=max(now, (known or 0) + 1)))
    for table, ended in ((login_session, "ended_at_us"), (api_key, "revoked_at_us")):
        running = update(table).where(table.c.owner == owner, table.c[ended].is_(None))
        connection.execute(running.values({ended: now}))
    return known is not None


def _open(now: int) -> tuple[ColumnElement[bool], ...]:
    return (login_session.c.ended_at_us.is_(None), login_session.c.expires_at_us > now)
