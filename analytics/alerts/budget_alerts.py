"""A used-up budget is an alert of its own, without a rule."""

from __future__ import annotations

from collections.abc import Iterable

from analytics.alerts.evaluate import Reading
from analytics.budgets.spending import Use, said

BUDGET = "budget:"
"""How the rule ids of budgets begin."""


def budget_readings(uses: Iterable[Use], *, webhook: bool) -> list[Reading]:
    """One for each budget and target that is used up. `webhook`: whether there is one to tell."""
    return [
        Reading(
            rule_id=f"{BUDGET}{use.budget.budget_id}:{use.target}",
            name=f"Budget {use.budget.name}" + (f" ({use.target})" if use.target else ""),
            breached=True,
            message=said(use),
            value=use.spent.pusd / 1e12,
            severity="critical" if use.budget.definition.kind == "hard" else "warning",
            channels=("banner", "log", "webhook") if webhook else ("banner", "log"),
        )
        for use in uses
        if use.exhausted
    ]
