"""Files of figures that were lost: remembered in the file that took their place.

A new file always begins with one entry of kind `missing`: whether it took the place of an older one
is known when the chat's finished runs are counted (analytics/repair.py). The entry shows only then.
Functions here work inside the caller's transaction.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

from sqlalchemy import Connection, insert, select, update

from analytics.schema import incident
from core.ids import new_id

Kind = Literal["damaged", "deleted", "replaced", "foreign", "missing"]
REMEMBERED = 100
_HAPPENED: dict[Kind, str] = {
    "damaged": "was damaged",
    "deleted": "was deleted while Switchboard ran",
    "replaced": "was overwritten by another file while Switchboard ran",
    "foreign": "was a database of another program",
    "missing": "was not there, or empty, when Switchboard started",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Incident:
    """One lost file. See the table in analytics/schema.py."""

    kind: Kind
    kept: str | None = None
    incident_id: str = field(default_factory=new_id)
    at_us: int = field(default_factory=lambda: time.time_ns() // 1000)
    missing: int | None = None
    restored: int = 0
    done: bool = False
    seen: bool = False

    @property
    def is_loss(self) -> bool:
        """False for a new file as long as nobody knows that there was one before."""
        return self.kind != "missing" or bool(self.missing)

    def sentence(self, name: str = "analytics.db") -> str:
        """What happened, and where the old file is."""
        if self.kind == "replaced" and self.kept is None:
            return f"{name} was exchanged for another file while Switchboard ran."
        kept = f" and is kept as {self.kept}" if self.kept else ""
        return f"{name} {_HAPPENED[self.kind]}{kept}; a new one was started."


def known(connection: Connection) -> tuple[Incident, ...]:
    """Newest first."""
    rows = connection.execute(select(incident).order_by(incident.c.at_us.desc()).limit(REMEMBERED))
    return tuple(
        Incident(
            incident_id=row.incident_id,
            at_us=row.at_us,
            kind=row.kind,
            kept=row.kept,
            missing=row.missing,
            restored=row.restored,
            done=bool(row.done),
            seen=bool(row.seen),
        )
        for row in rows
    )


def remember(connection: Connection, incidents: Sequence[Incident]) -> None:
    """Those that are not in this file yet: it may be the second new one in a row."""
    there = {one.incident_id for one in known(connection)}
    rows = [asdict(one) for one in incidents if one.incident_id not in there]
    rows = [row | {"done": int(row["done"]), "seen": int(row["seen"])} for row in rows]
    if rows:
        connection.execute(insert(incident), rows)


def count_missing(connection: Connection, incident_id: str, missing: int) -> None:
    """Once: a second look after a restart finds fewer, because some were recorded again."""
    same = incident.c.incident_id == incident_id, incident.c.missing.is_(None)
    connection.execute(update(incident).where(*same).values(missing=missing))


def count_restored(connection: Connection, incident_id: str, runs: int) -> None:
    """That many more were recorded again."""
    more = {"restored": incident.c.restored + runs}
    connection.execute(update(incident).where(incident.c.incident_id == incident_id).values(more))


def finish(connection: Connection, ids: Sequence[str]) -> None:
    """Nothing more can be recorded again."""
    connection.execute(update(incident).where(incident.c.incident_id.in_(ids)).values(done=1))


def see(connection: Connection, ids: Sequence[str]) -> None:
    """A person has read of them; pages need not show them any more."""
    connection.execute(update(incident).where(incident.c.incident_id.in_(ids)).values(seen=1))
