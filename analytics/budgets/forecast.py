"""On which day a monthly budget will be used up; the forecast is that of the dashboard's tab Cost."""

from __future__ import annotations

from typing import Any

from analytics.budgets.definition import BudgetDefinition
from analytics.budgets.period import window_of
from analytics.queries import Filter, Queries
from analytics.queries.cost_month import Month, month_to_date


def month_of(queries: Queries, asked: BudgetDefinition, target: str, now_us: int) -> Month | None:
    """The month so far of one budget and target; None for a daily budget. Raises StorageError."""
    if asked.period != "month":
        return None
    only: dict[str, Any] = {} if asked.scope == "app" else {asked.scope: (target,)}
    since_us = window_of("month", now_us, queries.zone).since_us
    return queries.ask(month_to_date, Filter(since_us=since_us, until_us=now_us, **only))
