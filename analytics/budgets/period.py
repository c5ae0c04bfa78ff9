"""Days and months of the reporting zone, as the instants at which a budget starts again."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

from analytics.budgets.definition import PeriodName
from analytics.timeaxis import Window, local, midnight_us


def first_days(period: PeriodName, at_us: int, zone: ZoneInfo) -> tuple[date, date]:
    """The first day of the period a moment lies in, and of the next one."""
    day = local(at_us, zone).date()
    if period == "day":
        return day, day + timedelta(days=1)
    first = day.replace(day=1)
    return first, (first + timedelta(days=31)).replace(day=1)


def window_of(period: PeriodName, at_us: int, zone: ZoneInfo) -> Window:
    """The whole period a moment lies in: a day has 23 to 25 hours where clocks change."""
    first, following = first_days(period, at_us, zone)
    return Window(since_us=midnight_us(first, zone), until_us=midnight_us(following, zone))


def starts_again(period: PeriodName, at_us: int, zone: ZoneInfo) -> str:
    """When a budget that is used up starts again, for people."""
    _, following = first_days(period, at_us, zone)
    return f"{following.day} {following:%B %Y}, 00:00 {zone.key}"
