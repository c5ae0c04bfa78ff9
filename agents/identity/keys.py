"""API keys: shown once, kept as a hash, never worth more than the role of whoever they belong to."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from typing import Any, cast

from sqlalchemy import ColumnElement, Row, Select, insert, select, update

from agents.identity.audit import Audit
from agents.identity.changes import Changes
from agents.identity.credentials import digest, hint, is_api_key, new_api_key
from agents.identity.roles import Roles
from agents.identity.sessions import see_person
from agents.identity.tables import account, api_key
from agents.identity.values import COARSE_US, ApiKey, Clock
from core.database import Database
from core.errors import InvalidInput, NotFound, StorageError
from core.identity import SCOPES, Principal, Right, Scope
from core.ids import is_id, new_id
from core.text import clean

DAY_US = 86_400_000_000
MOST_DAYS = 3_650
MOST_KEYS = 50
_NEEDED: dict[Scope, Right] = {"chat": "chat", "analytics": "figures", "admin": "settings"}


class Keys:
    """Safe from any thread. Raises StorageError."""

    def __init__(
        self, database: Database, audit: Audit, changes: Changes, roles: Roles, clock: Clock
    ) -> None:
        self._db, self._audit, self._changes = database, audit, changes
        self._roles, self._clock = roles, clock

    def of(self, owner: str) -> list[ApiKey]:
        """With revoked and expired ones, the newest first."""
        return self._list(select(api_key).where(api_key.c.owner == owner))

    def all(self) -> list[ApiKey]:
        return self._list(select(api_key))

    def create(
        self,
        principal: Principal,
        name: str,
        scopes: Collection[str] = ("chat",),
        days: int | None = None,
    ) -> tuple[ApiKey, str]:
        """A key of this person, and its secret, which nobody will ever see again.

        `days`: how long it holds; None: until it is revoked. Raises InvalidInput, and NotFound when
        the person has no account here (where nobody logs in, keys mean nothing).
        """
        made, secret = self._make(principal.owner, name, scopes, days)
        beyond = [s for s in SCOPES if s in made.scopes and not principal.may(_NEEDED[s])]
        if beyond:
            raise InvalidInput(
                f"The scope '{beyond[0]}' is more than {principal.name} may do.",
                what_to_do="Leave it out, or ask an administrator.",
            )
        self._insert(made, digest(secret))
        self._audit.note(principal, "key_created", made.id, _words(made))
        return made, secret

    def create_by_command(
        self, owner: str, name: str, scopes: Collection[str] = ("chat",), days: int | None = None
    ) -> tuple[ApiKey, str]:
        """As `create`, for the command line: it may give any scope, and the role still limits it."""
        made, secret = self._make(owner, name, scopes, days)
        self._insert(made, digest(secret))
        self._audit.note(None, "key_created", made.id, f"{_words(made)} of {owner}")
        return made, secret

    def _make(
        self, owner: str, name: str, scopes: Collection[str], days: int | None
    ) -> tuple[ApiKey, str]:
        label, wanted = _checked_name(name), _checked_scopes(scopes)
        if days is not None and not 1 <= days <= MOST_DAYS:
            raise InvalidInput(
                f"A key holds for 1 to {MOST_DAYS:,} days.", what_to_do="Give another number."
            )
        now, secret = self._clock(), new_api_key()
        made = ApiKey(
            id=new_id(),
            owner=owner,
            name=label,
            hint=hint(secret),
            scopes=wanted,
            created_at_us=now,
            expires_at_us=now + days * DAY_US if days is not None else None,
            used_at_us=None,
            revoked_at_us=None,
        )
        return made, secret

    def _insert(self, made: ApiKey, secret_hash: str) -> None:
        open_keys = select(api_key.c.id).where(
            api_key.c.owner == made.owner, api_key.c.revoked_at_us.is_(None)
        )
        person = select(account.c.valid_after_us).where(
            account.c.owner == made.owner, account.c.disabled_at_us.is_(None)
        )
        with self._db.write() as connection:
            valid_after_us = connection.execute(person).scalar_one_or_none()
            if valid_after_us is None:
                raise NotFound(
                    "There is no such account that could have keys.",
                    what_to_do="Keys belong to people who log in: see SWITCHBOARD_AUTH.",
                )
            if len(connection.execute(open_keys.limit(MOST_KEYS)).all()) >= MOST_KEYS:
                raise InvalidInput(
                    f"One person has at most {MOST_KEYS} keys.",
                    what_to_do="Revoke those that are not used.",
                )
            connection.execute(
                insert(api_key).values(
                    id=made.id,
                    owner=made.owner,
                    secret_hash=secret_hash,
                    hint=made.hint,
                    name=made.name,
                    scopes=" ".join(sorted(made.scopes)),
                    # Also when the clock was set back since the last end.
                    created_at_us=max(made.created_at_us, valid_after_us + 1),
                    expires_at_us=made.expires_at_us,
                )
            )

    def revoke(self, key_id: object, by: Principal | None = None) -> None:
        """Idempotent. `by`: who may end only keys of their own, unless they look after people;
        None is the command line. Raises NotFound, for a foreign key as for an unknown one."""
        wanted = api_key.c.id == (key_id if is_id(key_id) else "")
        if by is not None and not by.may("people"):
            wanted &= api_key.c.owner == by.owner
        with self._db.write() as connection:
            row = connection.execute(select(api_key).where(wanted)).one_or_none()
            if row is None:
                raise NotFound("There is no such key.", what_to_do="Look at the list of keys.")
            ended = update(api_key).where(wanted, api_key.c.revoked_at_us.is_(None))
            changed = connection.execute(ended.values(revoked_at_us=self._clock())).rowcount
        self._changes.made()
        if changed:
            self._audit.note(by, "key_revoked", row.id, row.hint)

    def find(self, secret: str) -> Principal | None:
        """None for a key that is not, or no longer, good. Notes that it was used, if it can."""
        return self._good(api_key.c.secret_hash == digest(secret)) if is_api_key(secret) else None

    def by_id(self, key_id: str) -> Principal | None:
        return self._good(api_key.c.id == key_id)

    def _good(self, which: ColumnElement[bool]) -> Principal | None:
        now = self._clock()
        query = select(
            account,
            api_key.c.id,
            api_key.c.hint,
            api_key.c.scopes,
            api_key.c.created_at_us.label("issued"),
            api_key.c.expires_at_us,
            api_key.c.used_at_us,
        ).where(
            which,
            api_key.c.owner == account.c.owner,
            account.c.disabled_at_us.is_(None),
            api_key.c.revoked_at_us.is_(None),
            api_key.c.created_at_us > account.c.valid_after_us,
        )
        with self._db.read() as connection:
            row = connection.execute(query).one_or_none()
        if row is None or (row.expires_at_us is not None and row.expires_at_us <= now):
            return None
        if row.used_at_us is None or now - row.used_at_us >= COARSE_US:
            with suppress(StorageError), self._db.write() as connection:  # keeps nobody out
                one = update(api_key).where(api_key.c.id == row.id)
                connection.execute(one.values(used_at_us=now))
                see_person(connection, row.owner, now)
        return Principal(
            owner=row.owner,
            name=row.name,
            role=self._roles.of(row),
            via="api_key",
            scopes=_scopes(row.scopes),
            credential_id=row.id,
            issued_at_us=row.issued,
            expires_at_us=row.expires_at_us,
        )

    def _list(self, query: Select[Any]) -> list[ApiKey]:
        with self._db.read() as connection:
            rows = connection.execute(query.order_by(api_key.c.created_at_us.desc()))
            return [_key(row) for row in rows]


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.id,
        owner=row.owner,
        name=row.name,
        hint=row.hint,
        scopes=_scopes(row.scopes),
        created_at_us=row.created_at_us,
        expires_at_us=row.expires_at_us,
        used_at_us=row.used_at_us,
        revoked_at_us=row.revoked_at_us,
    )


def _scopes(text: str) -> frozenset[Scope]:
    return frozenset(one for one in SCOPES if one in text.split())


def _checked_name(name: object) -> str:
    text = " ".join(clean(name).split()) if isinstance(name, str) and len(name) <= 1000 else ""
    if not 1 <= len(text) <= 60:
        raise InvalidInput(
            "A key has a name of 1 to 60 characters.", what_to_do="Name what will use it."
        )
    return text


def _checked_scopes(scopes: Collection[str]) -> frozenset[Scope]:
    if not scopes or not set(scopes) <= set(SCOPES):
        raise InvalidInput(
            f"A key has at least one of the scopes {', '.join(SCOPES)}, and no other.",
            what_to_do="Choose what it is for.",
        )
    return frozenset(cast(Collection[Scope], scopes))


def _words(made: ApiKey) -> str:
    return f"{made.hint} {' '.join(sorted(made.scopes))}"
