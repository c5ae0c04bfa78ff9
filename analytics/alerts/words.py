"""Alerts in sentences for people: the same in the banner, the log and the webhook."""

from __future__ import annotations

from analytics.alerts.metrics import METRICS, Unit
from analytics.alerts.rules import (
    AnomalyRule,
    BurnRateRule,
    NoDataRule,
    RuleDefinition,
    ThresholdRule,
)
from core.pricing import format_usd


def amount(value: float | None, unit: Unit) -> str:
    """A value with its unit; of a count, the figure's name says what is counted."""
    if value is None:
        return "unknown"
    match unit:
        case "share":
            return f"{value:.1%}"
        case "seconds":
            return f"{value:.2f} s" if value < 10 else f"{value:.0f} s"
        case "usd":
            return format_usd(round(value * 1e12))
        case "tokens/s":
            return f"{value:,.0f} tokens/s"
    return f"{value:,.0f}"


def span(minutes: int) -> str:
    """ "15 min", "6 h" or "2 days"."""
    if minutes % 1440 == 0:
        return f"{minutes // 1440} day{'s' if minutes > 1440 else ''}"
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"


def condition(rule: RuleDefinition) -> str:
    """What a rule waits for."""
    match rule:
        case ThresholdRule():
            metric = METRICS[rule.metric]
            limit = amount(rule.limit, metric.unit)
            return f"{metric.title} {rule.when} {limit} over {span(rule.window_minutes)}"
        case BurnRateRule():
            return "Error budget burns 14.4 times too fast over 5 min and 1 h, or 6 times over 30 min and 6 h"
        case AnomalyRule():
            side = {"above": "above", "below": "below", "either": "unlike"}[rule.when]
            return (
                f"{METRICS[rule.metric].title} of the last hour {side} the same hour of the past "
                f"{rule.weeks} weeks (more than {rule.sensitivity:g} deviations)"
            )
        case NoDataRule():
            few = "no run" if rule.needed_n == 1 else f"fewer than {rule.needed_n} runs"
            return f"There was {few} for {span(rule.window_minutes)}"
