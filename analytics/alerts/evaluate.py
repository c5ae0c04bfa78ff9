"""Whether what a rule waits for is so at a moment. Reads through `Queries`, keeps nothing but counters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from statistics import median

from analytics.alerts.metrics import METRICS, Figure, Growth, figure
from analytics.alerts.rules import (
    MAX_MINUTES,
    MINUTE_US,
    AlertRule,
    AnomalyRule,
    BurnRateRule,
    Channel,
    Filters,
    NoDataRule,
    Severity,
    ThresholdRule,
)
from analytics.alerts.words import amount, span
from analytics.queries import Queries
from analytics.timeaxis import HOUR_US, local, to_us

BURNS = (((5, 60), 14.4), ((30, 360), 6.0))
"""Pairs of a short and a long window in minutes, and the rate at which both must burn."""
MIN_WEEKS = 3
MAD_TO_SD = 1.4826
"""A normal distribution's standard deviation in median absolute deviations."""
MIN_SPREAD = 0.05
"""Of the median: weeks that are all alike would make the smallest change an anomaly."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reading:
    """What a rule saw at a moment. `breached` None: too little to say."""

    rule_id: str
    name: str
    breached: bool | None
    message: str
    value: float | None = None
    hold_us: int = 0
    renotify_us: int = 0
    severity: Severity = "warning"
    channels: tuple[Channel, ...] = ("banner", "log")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Found:
    breached: bool | None
    message: str
    value: float | None = None


class Evaluator:
    """Used by one thread at a time."""

    def __init__(
        self, queries: Queries, *, slo_target: float, dropped: Callable[[], int] = lambda: 0
    ) -> None:
        """`dropped`: a counter of runs that could not be recorded since the process started."""
        self._queries = queries
        self._slo_target = slo_target
        self._dropped = Growth(dropped, MAX_MINUTES * MINUTE_US)

    def look(self, now_us: int) -> None:
        """Notes what no table holds; once per round."""
        self._dropped.look(now_us)

    def reading(self, rule: AlertRule, now_us: int) -> Reading:
        """Raises StorageError."""
        asked = rule.definition
        match asked:
            case ThresholdRule():
                found = self._threshold(asked, now_us)
            case BurnRateRule():
                found = self._burn(asked, now_us)
            case AnomalyRule():
                found = self._anomaly(asked, now_us)
            case NoDataRule():
                found = self._no_data(asked, now_us)
        return Reading(
            rule_id=rule.rule_id,
            name=rule.name,
            breached=found.breached,
            message=found.message,
            value=found.value,
            hold_us=asked.hold_minutes * MINUTE_US,
            renotify_us=asked.renotify_minutes * MINUTE_US,
            severity=asked.severity,
            channels=asked.channels,
        )

    def _figure(self, metric: str, filters: Filters, since_us: int, until_us: int) -> Figure:
        if metric == "dropped_runs":
            return self._dropped.since(since_us)
        return self._queries.ask(partial(figure, metric), filters.over(since_us, until_us))

    # -- kinds

    def _threshold(self, rule: ThresholdRule, now_us: int) -> _Found:
        since = now_us - rule.window_minutes * MINUTE_US
        found = self._figure(rule.metric, rule.filters, since, now_us)
        metric = METRICS[rule.metric]
        said = (
            f"{metric.title}: {amount(found.value, metric.unit)} over "
            f"{span(rule.window_minutes)} (limit {amount(rule.limit, metric.unit)}, n = {found.n:,})"
        )
        if found.value is None:
            return _Found(breached=None, message=said)
        above = found.value > rule.limit
        breached = above if rule.when == "above" else found.value < rule.limit
        # A count that is low would never have enough to say so.
        enough = found.n >= rule.needed_n or (metric.counts and (rule.when == "below" or not above))
        return _Found(breached=breached if enough else None, message=said, value=found.value)

    def _burn(self, rule: BurnRateRule, now_us: int) -> _Found:
        target = self._slo_target if rule.target is None else rule.target
        worst: tuple[float, float, tuple[int, int]] | None = None
        for windows, limit in BURNS:
            rates = [self._burn_rate(rule, minutes, target, now_us) for minutes in windows]
            short, long = rates
            if short.value is None or long.value is None or long.n < rule.needed_n:
                continue
            burnt = min(short.value, long.value)
            if worst is None or burnt / limit > worst[0] / worst[1]:
                worst = (burnt, limit, windows)
        if worst is None:
            return _Found(breached=None, message="Too few runs to say how fast the budget burns")
        burnt, limit, (short_min, long_min) = worst
        said = (
            f"The error budget of a {target:.1%} target burns {burnt:.1f} times as fast as it may "
            f"over {span(short_min)} and {span(long_min)} (limit {limit:g})"
        )
        return _Found(breached=burnt >= limit, message=said, value=burnt)

    def _burn_rate(self, rule: BurnRateRule, minutes: int, target: float, now_us: int) -> Figure:
        """(1 - attainment) / (1 - target)."""
        since = now_us - minutes * MINUTE_US
        met = self._figure("slo_attainment", rule.filters, since, now_us)
        # Rounded: 1 - 0.95 is a hair more than 0.05, and a limit met exactly is met.
        burnt = None if met.value is None else round((1 - met.value) / (1 - target), 9)
        return Figure(value=burnt, n=met.n)

    def _anomaly(self, rule: AnomalyRule, now_us: int) -> _Found:
        current, *past = [
            self._figure(rule.metric, rule.filters, since, since + HOUR_US)
            for since in self._same_hours(now_us, rule.weeks)
        ]
        weeks = [f for f in past if f.value is not None and f.n > 0]
        metric = METRICS[rule.metric]
        rests_on = max([current.n, *([median(f.n for f in weeks)] if weeks else [])])
        if len(weeks) < MIN_WEEKS or current.value is None or rests_on < rule.needed_n:
            said = f"{metric.title}: too little to compare the last hour with ({len(weeks)} weeks)"
            return _Found(breached=None, message=said, value=current.value)
        values = [f.value for f in weeks if f.value is not None]
        usual = median(values)
        spread = MAD_TO_SD * median(abs(value - usual) for value in values)
        distance = (current.value - usual) / max(spread, MIN_SPREAD * abs(usual), 1e-9)
        said = (
            f"{metric.title}: {amount(current.value, metric.unit)} in the last hour; usual at "
            f"this hour of the week: {amount(usual, metric.unit)} ({len(weeks)} weeks, "
            f"n = {current.n:,})"
        )
        sides = {"above": distance, "below": -distance, "either": abs(distance)}
        return _Found(
            breached=sides[rule.when] > rule.sensitivity, message=said, value=current.value
        )

    def _same_hours(self, now_us: int, weeks: int) -> list[int]:
        """Beginnings of the last whole hour and of the same hour on the clock in the weeks before."""
        zone = self._queries.zone
        hour = local(now_us, zone).replace(minute=0, second=0, microsecond=0)
        began = local(to_us(hour) - HOUR_US, zone)
        return [to_us(began - timedelta(weeks=k)) for k in range(weeks + 1)]

    def _no_data(self, rule: NoDataRule, now_us: int) -> _Found:
        since = now_us - rule.window_minutes * MINUTE_US
        found = self._figure("runs", rule.filters, since, now_us)
        said = f"{found.n:,} runs began in the last {span(rule.window_minutes)}"
        return _Found(breached=found.n < rule.needed_n, message=said, value=float(found.n))
