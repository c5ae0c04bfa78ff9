"""How often a rule would have fired: the same evaluation and the same states, over the last days."""

from __future__ import annotations

import time
from dataclasses import dataclass

from analytics.alerts.evaluate import Evaluator
from analytics.alerts.rules import MINUTE_US, AlertRule, RuleDefinition, _WithMetric
from analytics.alerts.state import OK, advance
from analytics.queries import Queries
from analytics.timeaxis import DAY_US

BUDGET_S = 2.0
MOST_STEPS, FEWEST_STEPS = 336, 28


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    times: int
    days: int
    every_minutes: int
    """The past was looked at in these steps; something shorter can have been missed."""
    firing_now: bool


def preview(
    queries: Queries, rule: RuleDefinition, now_us: int, *, slo_target: float, days: int = 7
) -> Preview | None:
    """None for a metric that has no past. Raises StorageError. Takes about two seconds at most."""
    if isinstance(rule, _WithMetric) and rule.metric == "dropped_runs":
        return None
    evaluator = Evaluator(queries, slo_target=slo_target)
    tried = AlertRule(rule_id="preview", name="preview", enabled=True, definition=rule)
    evaluator.reading(tried, now_us)  # the first one also opens the database
    began = time.perf_counter()
    evaluator.reading(tried, now_us - DAY_US)
    each = time.perf_counter() - began
    steps = int(min(MOST_STEPS, max(FEWEST_STEPS, BUDGET_S / max(each, 1e-6))))
    step_us = days * DAY_US // steps
    state, times = OK, 0
    for k in range(steps - 1, -1, -1):
        at = now_us - k * step_us
        state, change = advance(state, evaluator.reading(tried, at), at)
        times += change is not None and change.kind == "firing"
    return Preview(
        times=times,
        days=days,
        every_minutes=round(step_us / MINUTE_US),
        firing_now=state.phase == "firing",
    )
