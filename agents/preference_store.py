"""Keeps what people prefer, and what they agree to, in app.db: one row per owner and name.

Only what was chosen is kept, so a later release may improve a default for everybody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy import insert as sql_insert

from agents.preferences import DEFAULTS, NAMES, Preferences, as_values, checked, read
from agents.tables import preference
from core.database import Database


class PreferenceStore:
    """Every call names the owner it is for. Raises StorageError."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def load(self, owner: str) -> Preferences:
        """What cannot be used any more is as if it had not been chosen."""
        kept = self.values(owner)
        return read({name: kept[name] for name in NAMES if name in kept}).preferences

    def set(self, owner: str, name: str, value: object) -> None:
        """Raises InvalidInput for a value that cannot be, and for an unknown name."""
        self.save(owner, {name: value})

    def save(self, owner: str, values: Mapping[str, object]) -> None:
        """Changes these, all or none of them. Raises InvalidInput as `set` does."""
        fresh = {name: checked(name, value) for name, value in values.items()}
        self._write(owner, fresh, {name: getattr(DEFAULTS, name) for name in fresh})

    def replace(self, owner: str, preferences: Preferences) -> None:
        """Exactly these from now on."""
        self.save(owner, as_values(preferences))

    def reset(self, owner: str) -> None:
        """Everything as by default. What the person agreed to stays."""
        self._write(owner, dict.fromkeys(NAMES), {})

    # -- what is not a preference of the chat

    def values(self, owner: str) -> dict[str, Any]:
        """All rows of an owner as they are kept, by name."""
        query = select(preference.c.name, preference.c.value).where(preference.c.owner == owner)
        with self._db.read() as connection:
            return {row.name: row.value for row in connection.execute(query)}

    def agreed(self, owner: str, name: str) -> bool:
        return self.values(owner).get(name) is True

    def agree(self, owner: str, name: str, yes: bool) -> None:
        """No is kept as nothing, as it is at first."""
        self._write(owner, {name: True if yes else None}, {})

    def forget(self, owner: str) -> None:
        """Deletes everything of an owner."""
        with self._db.write() as connection:
            connection.execute(delete(preference).where(preference.c.owner == owner))

    def _write(self, owner: str, fresh: Mapping[str, Any], usual: Mapping[str, Any]) -> None:
        """Rows for what differs from usual; None is no row either."""
        kept = {n: v for n, v in fresh.items() if v is not None and v != usual.get(n)}
        with self._db.write() as connection:
            connection.execute(_rows(owner, fresh))
            if kept:
                rows = [{"owner": owner, "name": n, "value": v} for n, v in kept.items()]
                connection.execute(sql_insert(preference), rows)


def _rows(owner: str, names: Iterable[str]) -> Any:
    return delete(preference).where(preference.c.owner == owner, preference.c.name.in_(list(names)))
