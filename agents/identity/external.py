"""People an identity provider vouches for: their account here, and their logins of the pages."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal

from sqlalchemy import Connection, Row, insert, or_, select, update

from agents.identity.audit import Audit
from agents.identity.changes import Changes
from agents.identity.credentials import digest
from agents.identity.owners import display_name, external_owner
from agents.identity.roles import Roles, named_role, verified_email
from agents.identity.sessions import Sessions, insert_session, see_person
from agents.identity.tables import account, login_session
from agents.identity.values import COARSE_US, Clock
from core.database import Database
from core.errors import NotLoggedIn, StorageError
from core.identity import Principal, Role
from core.settings import Settings

log = logging.getLogger(__name__)

LEEWAY_S = 30
"""How far the clocks of a provider and of this machine may be apart."""
SECOND_US = 1_000_000


class External:
    """Safe from any thread. Raises StorageError."""

    def __init__(
        self,
        database: Database,
        audit: Audit,
        changes: Changes,
        roles: Roles,
        sessions: Sessions,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._db, self._audit, self._changes = database, audit, changes
        self._roles, self._sessions, self._clock = roles, sessions, clock
        self._claim = settings.oidc_role_claim
        self._session_us = int(settings.session_hours * 3600 * SECOND_US)

    def from_oidc(self, claims: Mapping[str, object]) -> Principal:
        """The session these claims belong to; begun with the first use of them.

        The provider's token only has to hold at that moment: from then on it is a session of ours,
        which ends some hours after the provider's login, or by hand. Raises NotLoggedIn.
        """
        issuer, subject = claims.get("iss"), claims.get("sub")
        owner = external_owner(issuer, subject) if isinstance(issuer, str) and issuer else None
        issued, expires = seconds(claims.get("iat")), seconds(claims.get("exp"))
        now = self._clock()
        if owner is None or issued is None or expires is None:
            raise refused("OIDC claims without a usable iss, sub, iat or exp")
        if issued > now // SECOND_US + LEEWAY_S:
            raise refused("OIDC claims from the future")
        issued_us = int(issued * SECOND_US)
        which = [str(claims.get(name)) for name in ("jti", "nonce", "sid")]
        token_hash = digest("oidc", owner, str(issued_us), *which)
        ends_us = issued_us + self._session_us
        if ends_us <= now:
            raise refused("an OIDC login that is older than a session lasts")
        with self._db.read() as connection:
            known = _known_session(connection, token_hash)
            row = _account_row(connection, owner)
        if known is None and expires + LEEWAY_S <= now // SECOND_US:
            raise refused("an OIDC token that expired before it was used")
        if self._changes.is_from_before_removal(owner, issued_us):
            raise refused("an OIDC login from before the account was removed")
        if row is not None and not self.holds(row, issued_us):
            raise refused("an OIDC login of somebody who is disabled, or from before an end")
        self._remember(row, owner, claims, issued_us)
        found = self._sessions.by_id(known or self._begin(owner, token_hash, issued_us, ends_us))
        if found is None:
            raise refused("an OIDC login that was ended")
        return found

    def person(self, issuer: str, claims: Mapping[str, object], issued_us: int) -> Row[Any]:
        """The account of somebody with a token that was checked. Made when it is their first.

        Raises NotLoggedIn when it is disabled here or the token is from before an end.
        """
        owner = external_owner(issuer, claims.get("sub"))
        if owner is None:
            raise refused("a token with a subject that cannot be used")
        if self._changes.is_from_before_removal(owner, issued_us):
            raise refused("a token from before the account was removed")
        with self._db.read() as connection:
            row = _account_row(connection, owner)
        if row is None:
            row = self._add(owner, issuer, claims, "jwt")
        if not self.holds(row, issued_us):
            raise refused("a token of somebody who is disabled, or from before an end")
        self._seen(row)
        return row

    def by_owner(self, owner: str, issued_us: int) -> Row[Any] | None:
        """The account, while what was issued to it then still holds."""
        with self._db.read() as connection:
            row = _account_row(connection, owner)
        return row if row is not None and self.holds(row, issued_us) else None

    @staticmethod
    def holds(row: Row[Any], issued_us: int) -> bool:
        return row.disabled_at_us is None and issued_us > row.valid_after_us

    def role(self, row: Row[Any]) -> Role:
        return self._roles.of(row)

    def _begin(self, owner: str, token_hash: str, issued_us: int, ends_us: int) -> str:
        """The id of the session; of the one another thread began meanwhile, if so."""
        with self._db.write() as connection:
            known = _known_session(connection, token_hash)
            if known is not None:
                return known
            session_id = insert_session(connection, owner, token_hash, "oidc", issued_us, ends_us)
        self._audit.note(self._sessions.by_id(session_id), "log_in", owner)
        return session_id

    def _remember(
        self, row: Row[Any] | None, owner: str, claims: Mapping[str, object], issued_us: int
    ) -> None:
        """What the provider says now. An older login, in another browser, does not undo a newer."""
        said = {
            "provider_role": named_role(claims, self._claim),
            "email": verified_email(claims),
            "name": display_name(_name(claims), str(claims["sub"])),
        }
        if row is None:
            row = self._add(owner, str(claims["iss"]), claims, "oidc")
        same = all(getattr(row, name) == value for name, value in said.items())
        if row.provider_at_us is not None and (same or row.provider_at_us > issued_us):
            return
        newer = or_(account.c.provider_at_us.is_(None), account.c.provider_at_us <= issued_us)
        change = update(account).where(account.c.owner == owner, newer)
        with self._db.write() as connection:
            connection.execute(change.values(provider_at_us=issued_us, **said))
        self._changes.made()

    def _add(
        self, owner: str, issuer: str, claims: Mapping[str, object], via: Literal["oidc", "jwt"]
    ) -> Row[Any]:
        added = False
        with self._db.write() as connection:
            row = _account_row(connection, owner)
            if row is None:
                added = True
                connection.execute(
                    insert(account).values(
                        owner=owner,
                        issuer=issuer[:255],
                        subject=str(claims["sub"]),
                        name=display_name(_name(claims), str(claims["sub"])),
                        role="user",
                        created_at_us=self._clock(),
                        valid_after_us=0,
                    )
                )
                row = _account_row(connection, owner)
        assert row is not None
        if added:
            self._audit.note(None, "account_added", owner, "first seen", via=via)
        return row

    def _seen(self, row: Row[Any]) -> None:
        now = self._clock()
        if row.seen_at_us is None or now - row.seen_at_us >= COARSE_US:
            with suppress(StorageError), self._db.write() as connection:  # keeps nobody out
                see_person(connection, row.owner, now)


def refused(why: str) -> NotLoggedIn:
    """The same words for everybody; the log says why."""
    log.warning("not logged in: %s", why)
    return NotLoggedIn("This needs a login or a key that holds.")


def seconds(value: object) -> float | None:
    """A time of a token; None for what is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) and 0 < value < 10**11 else None


def _name(claims: Mapping[str, object]) -> object:
    found = (claims.get(one) for one in ("name", "preferred_username", "email"))
    return next((one for one in found if isinstance(one, str) and one.strip()), None)


def _account_row(connection: Connection, owner: str) -> Row[Any] | None:
    return connection.execute(select(account).where(account.c.owner == owner)).one_or_none()


def _known_session(connection: Connection, token_hash: str) -> str | None:
    query = select(login_session.c.id).where(login_session.c.token_hash == token_hash)
    return connection.execute(query).scalar_one_or_none()
