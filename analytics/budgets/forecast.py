"""On which day a monthly budget will be used up, from the days of the month so far.

    m     = mean cost of the complete days of the month so far; at least three, else no forecast
    f(w)  = (sum of the complete days with weekday w + m) / (their number + 1)
    today = the larger of what today cost so far and f(weekday of today)
    later = f(weekday)

Each weekday is drawn towards the mean by one day's weight, because a month has four or five of it.
The day on which the running sum reaches the limit is the day of exhaustion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from analytics.budgets.definition import BudgetDefinition
from analytics.budgets.period import first_days, window_of
from analytics.queries import Ask, Filter, Queries
from analytics.timeaxis import local

MIN_DAYS = 3


@dataclass(frozen=True, kw_only=True, slots=True)
class Forecast:
    exhausted_on: date | None
    """None: the budget lasts for the month."""
    month_pusd: int
    """What the whole month is expected to cost."""
    days: int
    """Complete days the forecast rests on."""


def forecast(days: Sequence[int], first: date, length: int, limit_pusd: int) -> Forecast | None:
    """`days`: cost of each day from the first of the month to today, the last one not complete.

    None with fewer than three complete days. `length`: days of the month.
    """
    complete = days[:-1]
    if len(complete) < MIN_DAYS:
        return None
    mean = sum(complete) / len(complete)
    total, exhausted = 0.0, None
    for place in range(length):
        day = first + timedelta(days=place)
        expected = _of_weekday(complete, first, day.weekday(), mean)
        if place < len(complete):
            total += complete[place]
        elif place == len(complete):
            total += max(days[-1], expected)
        else:
            total += expected
        if exhausted is None and total >= limit_pusd:
            exhausted = day
    return Forecast(exhausted_on=exhausted, month_pusd=round(total), days=len(complete))


def _of_weekday(complete: Sequence[int], first: date, weekday: int, mean: float) -> float:
    same = [c for k, c in enumerate(complete) if (first + timedelta(days=k)).weekday() == weekday]
    return (sum(same) + mean) / (len(same) + 1)


def forecast_of(
    queries: Queries, asked: BudgetDefinition, target: str, now_us: int
) -> Forecast | None:
    """Of one budget and target; None for a daily budget. Raises StorageError."""
    if asked.period != "month":
        return None
    window = window_of("month", now_us, queries.zone)
    only: dict[str, Any] = {} if asked.scope == "app" else {asked.scope: (target,)}
    keep = Filter(since_us=window.since_us, until_us=window.until_us, **only)
    days = queries.ask(_days, keep)
    first, following = first_days("month", now_us, queries.zone)
    today = (local(now_us, queries.zone).date() - first).days
    length = (following - first).days
    return forecast(days[: today + 1], first, length, asked.limit_pusd)


def _days(ask: Ask) -> list[int]:
    axis = ask.axis_by("day")
    return list(ask.facts.sums("call", ask.scope, ["cost_pusd"], axis=axis).by_bucket("cost_pusd"))
