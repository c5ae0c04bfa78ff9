"""Budgets: limits on money per app, user, model or agent, in days or months of the reporting zone."""

from __future__ import annotations

from analytics.budgets.definition import Budget, BudgetDefinition
from analytics.budgets.quota import Allotment, Quota
from analytics.budgets.spending import Spending, Use, Verdict
from analytics.budgets.store import budgets
from analytics.queries import Filter, Queries
from analytics.queries.reading import Reader

__all__ = [
    "Allotment",
    "Budget",
    "BudgetDefinition",
    "Quota",
    "Spending",
    "Use",
    "Verdict",
    "app_month_limit_pusd",
    "budgets",
]


def app_month_limit_pusd(source: Reader | Queries) -> int | None:
    """The limit of the whole app per month in pico-USD, for a line in a chart.

    The smallest enabled one, a hard budget before a soft one; None without such a budget. Raises
    StorageError.
    """
    found = (
        source.ask(lambda ask: budgets(ask.reader), Filter())
        if isinstance(source, Queries)
        else budgets(source)
    )
    limits = [
        (budget.definition.kind == "soft", budget.definition.limit_pusd)
        for budget in found
        if budget.enabled
        and (budget.definition.scope, budget.definition.period) == ("app", "month")
    ]
    return min(limits)[1] if limits else None
