"""The log of who did what. Rows are added and never changed, but for a person who is erased.

Nothing that people wrote belongs into it: a target is an id or a login, a detail is a few words.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sqlalchemy import Select, and_, delete, insert, select, update

from agents.identity.tables import audit
from agents.identity.values import Clock, now_us
from core.database import Database
from core.errors import redact
from core.identity import Principal
from core.text import clean

log = logging.getLogger(__name__)

Action = Literal[
    "log_in", "log_in_failed", "log_out", "sessions_ended",
    "account_added", "account_disabled", "account_enabled", "account_renamed", "account_deleted",
    "role_changed", "password_set", "key_created", "key_revoked",
    "thread_deleted", "thread_cleared", "thread_exported", "threads_exported", "threads_imported",
    "figures_exported", "figures_imported", "report_made", "person_erased", "content_deleted",
    "data_adopted", "settings_changed", "prices_changed", "prompt_changed", "budget_changed",
    "alert_changed", "model_changed", "limits_changed",
]  # fmt: skip
ACTIONS: tuple[Action, ...] = get_args(Action)

LARGEST_PAGE = 500
LONGEST_DETAIL = 300
KEEP_DAYS = 730
ERASED = "erased"


@dataclass(frozen=True, kw_only=True, slots=True)
class Deed:
    number: int
    """Grows with every row."""
    at_us: int
    who: str | None
    """The owner. None: the command line, or somebody who could not log in."""
    via: str
    """As of the principal. For nobody: `command`, or the way in that was tried."""
    credential_id: str | None
    action: str
    target: str
    detail: str


@dataclass(frozen=True, kw_only=True, slots=True)
class DeedPage:
    deeds: tuple[Deed, ...]
    before: int | None
    """Give this for the next, older page; None: there is none."""


class Audit:
    """Safe from any thread."""

    def __init__(self, database: Database, clock: Clock = now_us) -> None:
        self._db = database
        self._clock = clock
        self.lost = 0
        """Deeds that could not be written since the process started; the log has them."""

    def note(
        self,
        who: Principal | None,
        action: Action,
        target: str = "",
        detail: str = "",
        *,
        via: Literal["command", "password", "oidc", "jwt"] = "command",
    ) -> None:
        """Adds a row. Never raises; waits no longer than one write. `via`: where there is no `who`."""
        try:
            row = {
                "at_us": self._clock(),
                "who": who.owner if who else None,
                "via": who.via if who else via,
                "credential_id": who.credential_id if who else None,
                "action": _known(action),
                "target": redact(clean(str(target)), 255),
                "detail": redact(clean(str(detail)), LONGEST_DETAIL),
            }
            with self._db.write() as connection:
                connection.execute(insert(audit).values(row))
        except Exception:  # what was done is done: that it is missing here is counted and said
            self.lost += 1
            log.exception("not in the audit log: %s %s", action, redact(str(target), 100))

    def page(
        self,
        *,
        who: str | None = None,
        action: str | None = None,
        since_us: int | None = None,
        until_us: int | None = None,
        before: int | None = None,
        limit: int = 100,
    ) -> DeedPage:
        """Newest first. `until_us` is not included. Raises StorageError."""
        limit = max(1, min(limit, LARGEST_PAGE))
        wanted = [
            audit.c[name] == value
            for name, value in (("who", who), ("action", action))
            if value is not None
        ]
        if since_us is not None:
            wanted.append(audit.c.at_us >= since_us)
        if until_us is not None:
            wanted.append(audit.c.at_us < until_us)
        if before is not None:
            wanted.append(audit.c.number < before)
        query: Select[Any] = select(audit).where(and_(True, *wanted))
        with self._db.read() as connection:
            rows = connection.execute(
                query.order_by(audit.c.number.desc()).limit(limit + 1)
            ).mappings()
            deeds = tuple(Deed(**row) for row in rows)
        more = len(deeds) > limit
        return DeedPage(deeds=deeds[:limit], before=deeds[limit - 1].number if more else None)

    def forget(self, owner: str, login: str | None) -> None:
        """Takes a person's names out. That somebody did it, and when, stays. Raises StorageError."""
        names = [owner, *([login] if login else [])]
        with self._db.write() as connection:
            connection.execute(update(audit).where(audit.c.who == owner).values(who=ERASED))
            named = update(audit).where(audit.c.target.in_(names))
            connection.execute(named.values(target=ERASED, detail=""))

    def tidy(self) -> int:
        """Removes rows that are older than anybody needs; returns how many. Raises StorageError."""
        old = audit.c.at_us < self._clock() - KEEP_DAYS * 86_400_000_000
        with self._db.write() as connection:
            return connection.execute(delete(audit).where(old)).rowcount


def _known(action: str) -> str:
    if action not in ACTIONS:
        raise ValueError(f"there is no action '{action}'")
    return action
