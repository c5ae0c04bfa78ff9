"""Budgets in the database."""

from __future__ import annotations

from typing import Any

from analytics.budgets.definition import BUDGET, Budget
from analytics.budgets.kept import Kept, Writes
from analytics.queries.reading import Reader
from analytics.schema import budget

_BUDGETS = Kept("budget", budget, "budget_id", BUDGET)


def budgets(reader: Reader) -> tuple[Budget, ...]:
    """All of them by name. Raises StorageError."""
    return tuple(
        Budget(budget_id=one.id, name=one.name, enabled=one.enabled, definition=one.definition)
        for one in _BUDGETS.all(reader)
    )


def save(writes: Writes, name: str, definition: Any, *, budget_id: str | None = None) -> str:
    """Adds a budget, or changes one. Raises BadDefinition, NotFound, StorageError. Gives its id."""
    return _BUDGETS.save(writes, name, definition, budget_id)


def set_enabled(writes: Writes, budget_id: str, enabled: bool) -> None:
    """Raises NotFound, StorageError."""
    _BUDGETS.enable(writes, budget_id, enabled)


def remove(writes: Writes, budget_id: str) -> None:
    """Harmless when it is gone already. Raises StorageError."""
    _BUDGETS.remove(writes, budget_id)
