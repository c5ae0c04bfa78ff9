"""Accounts of people: those who log in here, and those an identity provider vouches for."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, cast

from sqlalchemy import Connection, Row, delete, insert, select, update

from agents.identity.audit import Action, Audit
from agents.identity.changes import Changes
from agents.identity.login_limit import LoginLimit
from agents.identity.owners import display_name, login_name, typed_login
from agents.identity.passwords import Passwords
from agents.identity.roles import Roles, checked_role, is_lower
from agents.identity.sessions import Sessions, end_credentials
from agents.identity.tables import account
from agents.identity.values import Account, Clock
from core.database import Database
from core.errors import InvalidInput, NotFound, NotLoggedIn
from core.identity import Principal, Role

log = logging.getLogger(__name__)


class Accounts:
    """Safe from any thread. Raises StorageError.

    `by`: who changes it, for the audit log; None is the command line. People are named by `owner`.
    """

    def __init__(
        self,
        database: Database,
        audit: Audit,
        changes: Changes,
        roles: Roles,
        sessions: Sessions,
        clock: Clock,
        *,
        session_us: int,
        open_to_passwords: bool,
        passwords: Passwords | None = None,
        limit: LoginLimit | None = None,
    ) -> None:
        self._db, self._audit, self._changes = database, audit, changes
        self._roles, self._sessions, self._clock = roles, sessions, clock
        self._session_us, self._open = session_us, open_to_passwords
        self._passwords, self._limit = passwords or Passwords(), limit or LoginLimit()

    def all(self) -> list[Account]:
        """By name."""
        with self._db.read() as connection:
            rows = connection.execute(select(account).order_by(account.c.name, account.c.owner))
            return [_account(row, self._roles.of(row)) for row in rows]

    def get(self, owner: str) -> Account:
        """Raises NotFound."""
        with self._db.read() as connection:
            row = _row(connection, owner)
            return _account(row, self._roles.of(row))

    def free_login(self, login: str) -> str:
        """A login name as an account would have it. Raises InvalidInput as `add` does."""
        login = login_name(login)
        with self._db.read() as connection:
            _refuse_taken(connection, login)
        return login

    def add(
        self,
        login: str,
        *,
        name: str = "",
        role: Role = "user",
        password: str,
        by: Principal | None = None,
    ) -> Account:
        """Raises InvalidInput for a login that is taken, and for what cannot be one."""
        login, role = login_name(login), checked_role(role)
        values: dict[str, Any] = {
            "owner": login,
            "login": login,
            "name": display_name(name, login),
            "role": role,
            "password": self._passwords.hash(password, login),
            "created_at_us": self._clock(),
            "valid_after_us": 0,
        }
        with self._db.write() as connection:
            _refuse_taken(connection, login)
            connection.execute(insert(account).values(values))
        self._audit.note(by, "account_added", login, role)
        return self.get(login)

    def set_password(self, owner: str, password: str, by: Principal | None = None) -> None:
        """Ends everything that was issued to the person before. Raises InvalidInput, NotFound."""
        here = self.get(owner)
        if here.login is None:
            raise InvalidInput(
                f"{here.name} logs in at an identity provider and has no password here.",
                what_to_do="Change it there.",
            )
        kept = self._passwords.hash(password, here.login)

        def change(connection: Connection, row: Row[Any]) -> None:
            _set(connection, owner, password=kept)
            end_credentials(connection, owner, self._clock())

        self._change(owner, change, by, "password_set")

    def right_password(self, owner: str, password: str) -> bool:
        """For asking once more before something important. Counts as an attempt to log in:
        raises RateLimited."""
        self._limit.attempt(owner)
        with self._db.read() as connection:
            row = connection.execute(select(account).where(account.c.owner == owner)).one_or_none()
        right = self._passwords.fits(row.password if row else None, password)
        if right:
            self._limit.succeeded(owner)
        return right

    def set_role(self, owner: str, role: Role, by: Principal | None = None) -> None:
        """A lower one ends everything that was issued before. Raises InvalidInput, NotFound."""
        role = checked_role(role)
        _not_oneself(owner, by)

        def change(connection: Connection, row: Row[Any]) -> None:
            _set(connection, owner, role=role)
            if is_lower(role, cast(Role, row.role)):
                end_credentials(connection, owner, self._clock())

        self._change(owner, change, by, "role_changed", role)

    def rename(self, owner: str, name: str, by: Principal | None = None) -> None:
        """Changes what pages call the person. Raises NotFound."""
        self._change(
            owner,
            lambda connection, row: _set(
                connection, owner, name=display_name(name, row.login or row.name)
            ),
            by,
            "account_renamed",
        )

    def disable(self, owner: str, by: Principal | None = None) -> None:
        """Nobody logs in as this person, and everything issued before has ended. Idempotent."""
        _not_oneself(owner, by)

        def change(connection: Connection, row: Row[Any]) -> None:
            now = self._clock()
            _set(connection, owner, disabled_at_us=row.disabled_at_us or now)
            end_credentials(connection, owner, now)

        self._change(owner, change, by, "account_disabled")

    def enable(self, owner: str, by: Principal | None = None) -> None:
        """What was ended stays ended. Idempotent."""
        self._change(
            owner,
            lambda connection, row: _set(connection, owner, disabled_at_us=None),
            by,
            "account_enabled",
        )

    def delete(self, owner: str, by: Principal | None = None) -> None:
        """Removes the account with its sessions and keys, and its names from the audit log.

        What is stored under the owner is not touched. Raises NotFound.
        """
        with self._db.write() as connection:
            row = _row(connection, owner)
            connection.execute(delete(account).where(account.c.owner == owner))
        self._changes.removed(owner, self._clock())
        self._audit.forget(owner, row.login)
        self._audit.note(by, "account_deleted")

    def log_in(self, login: str, password: str, remote: str = "") -> str:
        """The token of a new session. Raises RateLimited, and NotLoggedIn in the same words and the
        same time whatever is wrong. `remote`: an address for the audit log; nothing depends on it."""
        named = typed_login(login)
        self._limit.attempt(named)
        now = self._clock()  # a password that is changed meanwhile ends this session too
        with self._db.read() as connection:
            query = select(account).where(account.c.login == named)
            row = connection.execute(query).one_or_none()
        right = self._passwords.fits(row.password if row else None, password)
        if row is None or not right or row.disabled_at_us is not None or not self._open:
            why = _why_not(row, right, self._open)
            self._audit.note(
                None, "log_in_failed", named, f"{why} {remote}".strip(), via="password"
            )
            raise NotLoggedIn(
                "The name or the password is not right.", what_to_do="Type both again."
            )
        self._limit.succeeded(named)
        if self._passwords.is_old(row.password):
            fresh = self._passwords.hash_again(password)
            with self._db.write() as connection:
                same = (account.c.owner == row.owner) & (account.c.password == row.password)
                connection.execute(update(account).where(same).values(password=fresh))
        begun = max(now, row.valid_after_us + 1)  # also when the clock was set back since
        token = self._sessions.begin(row.owner, begun, now + self._session_us)
        self._audit.note(self._sessions.find(token), "log_in", named, remote)
        return token

    def _change(
        self,
        owner: str,
        change: Callable[[Connection, Row[Any]], None],
        by: Principal | None,
        action: Action,
        detail: str = "",
    ) -> None:
        with self._db.write() as connection:
            change(connection, _row(connection, owner))
        self._changes.made()
        self._audit.note(by, action, owner, detail)


def _refuse_taken(connection: Connection, login: str) -> None:
    taken = select(account.c.owner).where(account.c.owner == login)
    if connection.execute(taken).one_or_none() is not None:
        raise InvalidInput(
            f"There is an account '{login}' already.", what_to_do="Choose another login name."
        )


def _row(connection: Connection, owner: str) -> Row[Any]:
    row = connection.execute(select(account).where(account.c.owner == owner)).one_or_none()
    if row is None:
        raise NotFound("There is no such account.", what_to_do="Look at the list of accounts.")
    return row


def _set(connection: Connection, owner: str, **values: object) -> None:
    connection.execute(update(account).where(account.c.owner == owner).values(values))


def _not_oneself(owner: str, by: Principal | None) -> None:
    """So that there is always one administrator left."""
    if by is not None and by.owner == owner:
        raise InvalidInput(
            "Nobody can take their own rights away.",
            what_to_do="Ask another administrator.",
        )


def _why_not(row: Row[Any] | None, right: bool, is_open: bool) -> str:
    if not is_open:
        return "passwords are not used here"
    if row is None:
        return "no such account"
    return "wrong password" if not right else "disabled"


def _account(row: Row[Any], role: Role) -> Account:
    return Account(
        owner=row.owner,
        name=row.name,
        role=role,
        login=row.login,
        issuer=row.issuer,
        created_at_us=row.created_at_us,
        seen_at_us=row.seen_at_us,
        disabled_at_us=row.disabled_at_us,
        valid_after_us=row.valid_after_us,
    )
