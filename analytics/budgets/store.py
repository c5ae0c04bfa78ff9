"""Budgets in the database. A row that cannot be read is left out and named, never fatal."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, delete, insert, select, update

from analytics.budgets.definition import BUDGET, Budget
from analytics.budgets.reasons import BadDefinition, checked, from_json
from analytics.queries.reading import Reader
from analytics.schema import budget
from core.errors import NotFound
from core.ids import new_id

log = logging.getLogger(__name__)
Result = TypeVar("Result")
MAX_NAME = 80


class Writes(Protocol):
    """See analytics/recorder.py."""

    def write(self, work: Callable[[Connection], Result], timeout: float = 30.0) -> Result: ...


def budgets(reader: Reader) -> tuple[Budget, ...]:
    """All of them by name. Raises StorageError."""
    found = []
    for row in reader.rows(select(budget).order_by(budget.c.name)):
        try:
            definition = from_json(BUDGET, row["definition"])
        except BadDefinition as exc:
            log.warning("budget %s is left out: %s", row["budget_id"], exc.message)
            continue
        found.append(
            Budget(
                budget_id=row["budget_id"],
                name=row["name"],
                enabled=bool(row["enabled"]),
                definition=definition,
            )
        )
    return tuple(found)


def save(writes: Writes, name: str, definition: Any, *, budget_id: str | None = None) -> str:
    """Adds a budget, or changes one. Raises BadDefinition, NotFound, StorageError. Gives its id."""
    name = checked_name(name)
    values = {
        "name": name,
        "definition": checked(BUDGET, definition).model_dump_json(),
        "updated_at_us": time.time_ns() // 1000,
    }
    key = budget_id or new_id()

    def work(connection: Connection) -> str:
        same = select(budget.c.budget_id).where(budget.c.name == name, budget.c.budget_id != key)
        if connection.execute(same).first() is not None:
            raise BadDefinition({"name": "another budget has this name"})
        if budget_id is None:
            connection.execute(insert(budget).values(budget_id=key, enabled=1, **values))
        else:
            _must_exist(
                connection.execute(
                    update(budget).where(budget.c.budget_id == key).values(**values)
                ).rowcount
            )
        return key

    return writes.write(work)


def set_enabled(writes: Writes, budget_id: str, enabled: bool) -> None:
    """Raises NotFound, StorageError."""
    statement = update(budget).where(budget.c.budget_id == budget_id).values(enabled=int(enabled))
    writes.write(lambda connection: _must_exist(connection.execute(statement).rowcount))


def remove(writes: Writes, budget_id: str) -> None:
    """Harmless when it is gone already. Raises StorageError."""
    statement = delete(budget).where(budget.c.budget_id == budget_id)
    writes.write(lambda connection: connection.execute(statement) and None)


def checked_name(name: str) -> str:
    """One line, not empty, not too long. Raises BadDefinition."""
    line = " ".join(name.split())
    if not line:
        raise BadDefinition({"name": "give it a name"})
    if len(line) > MAX_NAME:
        raise BadDefinition({"name": f"use at most {MAX_NAME} characters"})
    return line


def _must_exist(rows: int) -> None:
    if not rows:
        raise NotFound("It was deleted in the meantime.", what_to_do="Look at the list again.")
