"""What people define under a name and can switch off: budgets and alert rules, one JSON text each.

A row that cannot be read is left out and named, never fatal.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from pydantic import TypeAdapter
from sqlalchemy import Connection, Table, delete, insert, select, update

from analytics.budgets.reasons import BadDefinition, checked, from_json
from analytics.queries.reading import Reader
from core.errors import NotFound
from core.ids import new_id

log = logging.getLogger(__name__)
Result = TypeVar("Result")
Definition = TypeVar("Definition")
MAX_NAME = 80


class Writes(Protocol):
    """See analytics/recorder.py."""

    def write(self, work: Callable[[Connection], Result], timeout: float = 30.0) -> Result: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Named(Generic[Definition]):
    """One of them."""

    id: str
    name: str
    enabled: bool
    definition: Definition


@dataclass(frozen=True, slots=True)
class Kept(Generic[Definition]):
    """A table with an id, a name, a definition and a switch; `what` names its rows for people."""

    what: str
    table: Table
    key: str
    kind: TypeAdapter[Definition]

    def all(self, reader: Reader) -> Iterator[Named[Definition]]:
        """By name. Raises StorageError."""
        for row in reader.rows(select(self.table).order_by(self.table.c.name)):
            try:
                definition = from_json(self.kind, row["definition"])
            except BadDefinition as exc:
                log.warning("%s %s is left out: %s", self.what, row[self.key], exc.message)
                continue
            yield Named(
                id=row[self.key],
                name=row["name"],
                enabled=bool(row["enabled"]),
                definition=definition,
            )

    def save(self, writes: Writes, name: str, definition: Any, known_id: str | None = None) -> str:
        """Adds one, switched on, or changes the known one. Gives its id.

        Raises BadDefinition, NotFound, StorageError.
        """
        name = _line(name)
        values = {
            "name": name,
            "definition": self.kind.dump_json(checked(self.kind, definition)).decode(),
            "updated_at_us": time.time_ns() // 1000,
        }
        key, its_id = self.table.c[self.key], known_id or new_id()

        def work(connection: Connection) -> str:
            same = select(key).where(self.table.c.name == name, key != its_id)
            if connection.execute(same).first() is not None:
                raise BadDefinition({"name": f"another {self.what} has this name"})
            if known_id is None:
                new = {self.key: its_id, "enabled": 1, **values}
                connection.execute(insert(self.table).values(new))
            else:
                self._change(connection, its_id, values)
            return its_id

        return writes.write(work)

    def enable(self, writes: Writes, its_id: str, enabled: bool) -> None:
        """Raises NotFound, StorageError."""
        writes.write(lambda connection: self._change(connection, its_id, {"enabled": int(enabled)}))

    def remove(self, writes: Writes, its_id: str) -> None:
        """Harmless when it is gone already. Raises StorageError."""
        statement = delete(self.table).where(self.table.c[self.key] == its_id)
        writes.write(lambda connection: connection.execute(statement) and None)

    def _change(self, connection: Connection, its_id: str, values: Mapping[str, Any]) -> None:
        same = self.table.c[self.key] == its_id
        if not connection.execute(update(self.table).where(same).values(**values)).rowcount:
            raise NotFound("It was deleted in the meantime.", what_to_do="Look at the list again.")


def _line(name: str) -> str:
    line = " ".join(name.split())
    if not line:
        raise BadDefinition({"name": "give it a name"})
    if len(line) > MAX_NAME:
        raise BadDefinition({"name": f"use at most {MAX_NAME} characters"})
    return line
