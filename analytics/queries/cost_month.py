"""The month so far, and how it will end: cumulative cost by day with a forecast and its band.

The forecast of a day is the mean cost of the same weekday over the last four weeks; with fewer than
two full weeks, the mean of all full days. The band is a 95 % prediction interval of the sum of the
days to come: ± t·s·√(h + h²/n), s the standard deviation of the n days around their means and h the
days to come. It takes days as independent; a launch or a holiday is not in it. With fewer than
`MIN_DAYS` full days nothing is forecast.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from math import sqrt
from statistics import NormalDist, fmean

from sqlalchemy import func, select

from analytics.metrics import Known
from analytics.queries.ask import Ask, known, known_names
from analytics.queries.scope import Scope
from analytics.schema import run
from analytics.timeaxis import Window, axis_of, local, midnight_us

MIN_DAYS = 3
WEEKDAY_DAYS = 14
HISTORY_DAYS = 28


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    """The cumulative cost at the end of today and of each later day of the month, in pico-USD."""

    days: tuple[date, ...]
    middle: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    by_weekday: bool
    """False: too few days for a weekday pattern."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Month:
    """One calendar month of the reporting zone, up to the end of the filter's range."""

    days: tuple[date, ...]
    """From the first of the month to today."""
    spent: tuple[int, ...]
    """Of each day, in pico-USD; the last one is not over."""
    cost: Known
    full_days: int
    """Whole recorded days the forecast rests on: at most four weeks."""
    forecast: Forecast | None
    """None: too few days."""

    @property
    def so_far(self) -> int:
        return sum(self.spent)


@dataclass(frozen=True, kw_only=True, slots=True)
class Exhaustion:
    """The days on which a limit is reached; None: not this month."""

    passed: date | None
    """It already was."""
    likely: date | None
    earliest: date | None
    """At the upper end of the band."""


def month_to_date(ask: Ask) -> Month:
    """The month that the range ends in, whatever the range's beginning; other filters hold."""
    until_us = ask.scope.window.until_us
    today = local(until_us - 1, ask.zone).date()
    first = today.replace(day=1)
    oldest = max(min(first, today - timedelta(days=HISTORY_DAYS)), _recorded_from(ask, today))
    window = Window(
        since_us=midnight_us(min(oldest, first), ask.zone),
        until_us=until_us,
    )
    axis = axis_of(window, ask.zone, "day")
    scope = Scope(window=window, keep=ask.scope.keep)
    found = ask.facts.sums("call", scope, known_names("cost"), axis=axis)
    month = ask.facts.sums(
        "call",
        Scope(
            window=Window(since_us=midnight_us(first, ask.zone), until_us=until_us), keep=scope.keep
        ),
        known_names("cost"),
    )
    by_day = {
        local(bucket.start_us, ask.zone).date(): pusd
        for bucket, pusd in zip(axis.buckets, found.by_bucket("cost_pusd"), strict=True)
    }
    spent = {day: pusd for day, pusd in by_day.items() if day >= first}
    history = {day: pusd for day, pusd in by_day.items() if oldest <= day < today}
    history = dict(sorted(history.items())[-HISTORY_DAYS:])
    midnight, end = (midnight_us(today + timedelta(days=k), ask.zone) for k in (0, 1))
    return Month(
        days=tuple(spent),
        spent=tuple(spent.values()),
        cost=known(month, "cost"),
        full_days=len(history),
        forecast=forecast(history, spent, today, (end - until_us) / (end - midnight)),
    )


def _recorded_from(ask: Ask, today: date) -> date:
    """The first day that was recorded from its beginning."""
    rows = ask.reader.rows(select(func.min(run.c.started_at_us).label("first")))
    if not rows or rows[0]["first"] is None:
        return today
    return local(int(rows[0]["first"]), ask.zone).date() + timedelta(days=1)


def forecast(
    history: Mapping[date, int], spent: Mapping[date, int], today: date, left_of_today: float
) -> Forecast | None:
    """See the module. `history`: full days; `left_of_today`: 0..1."""
    if len(history) < MIN_DAYS:
        return None
    by_weekday = len(history) >= WEEKDAY_DAYS
    expected = _expected(history) if by_weekday else _same(fmean(history.values()))
    error = [pusd - expected(day) for day, pusd in history.items()]
    free = len(history) - (7 if by_weekday else 1)
    deviation = sqrt(sum(e * e for e in error) / free)
    days = _rest_of_month(today)
    middle, low, high = [], [], []
    so_far, coming = float(sum(spent.values())), 0.0
    for place, day in enumerate(days):
        share = left_of_today if place == 0 else 1.0
        coming += expected(day) * share
        ahead = place + left_of_today
        half = t_quantile(free) * deviation * sqrt(ahead + ahead * ahead / len(history))
        middle.append(so_far + coming)
        low.append(so_far + max(0.0, coming - half))
        high.append(so_far + coming + half)
    return Forecast(
        days=days,
        middle=tuple(middle),
        low=tuple(low),
        high=tuple(high),
        by_weekday=by_weekday,
    )


def exhaustion(month: Month, limit_pusd: int) -> Exhaustion:
    """When the month's cost reaches a limit."""
    spent = 0
    for day, pusd in zip(month.days, month.spent, strict=True):
        spent += pusd
        if spent >= limit_pusd:
            return Exhaustion(passed=day, likely=day, earliest=day)
    found = month.forecast

    def reached(values: Sequence[float]) -> date | None:
        assert found is not None
        return next((d for d, v in zip(found.days, values, strict=True) if v >= limit_pusd), None)

    if found is None:
        return Exhaustion(passed=None, likely=None, earliest=None)
    return Exhaustion(passed=None, likely=reached(found.middle), earliest=reached(found.high))


def t_quantile(free: int) -> float:
    """The 97.5 % quantile of Student's t; within 1 % from 3 degrees of freedom on.

    Cornish-Fisher expansion around the normal quantile; exact values for 1 and 2.
    """
    if free <= 2:
        return {1: 12.706, 2: 4.303}[max(1, free)]
    z = NormalDist().inv_cdf(0.975)
    return (
        z
        + (z**3 + z) / (4 * free)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * free**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * free**3)
    )


def _expected(history: Mapping[date, int]) -> Callable[[date], float]:
    days: dict[int, list[int]] = defaultdict(list)
    for day, pusd in history.items():
        days[day.weekday()].append(pusd)
    means = {weekday: fmean(values) for weekday, values in days.items()}
    return lambda day: means[day.weekday()]


def _same(mean: float) -> Callable[[date], float]:
    return lambda _day: mean


def _rest_of_month(today: date) -> tuple[date, ...]:
    following = (today.replace(day=1) + timedelta(days=31)).replace(day=1)
    return tuple(today + timedelta(days=k) for k in range((following - today).days))
