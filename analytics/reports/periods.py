"""Days, weeks and months of the reporting zone, and the window of an incident."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from analytics.reports.document import ReportKind
from analytics.timeaxis import HOUR_US, Window, local, midnight_us, to_us
from core.errors import InvalidInput

_YEARS = range(1990, 2099)
LONGEST_INCIDENT_US = 14 * 24 * HOUR_US


@dataclass(frozen=True, kw_only=True, slots=True)
class Period:
    """since <= t < until, in UTC microseconds. `code` is short and sorts: part of file names."""

    kind: ReportKind
    since_us: int
    until_us: int
    code: str
    words: str

    @property
    def window(self) -> Window:
        return Window(since_us=self.since_us, until_us=self.until_us)


def period_of(kind: ReportKind, day: date, zone: ZoneInfo) -> Period:
    """The day, week (from Monday) or month that holds a day. A day may have 23 or 25 hours.

    Raises InvalidInput for years nobody can mean.
    """
    _check(day)
    first, following = _edges(kind, day)
    if kind == "weekly":
        year, week, _ = first.isocalendar()
        last = following - timedelta(days=1)
        code, words = f"{year}-W{week:02d}", f"Week {week}: {_day(first)} to {_day(last)}"
    elif kind == "monthly":
        code, words = f"{first:%Y-%m}", f"{first:%B %Y}"
    else:
        code, words = f"{first:%Y-%m-%d}", f"{first:%A}, {_day(first)}"
    return Period(
        kind=kind,
        since_us=midnight_us(first, zone),
        until_us=midnight_us(following, zone),
        code=code,
        words=words,
    )


def previous(period: Period, zone: ZoneInfo) -> Period:
    """The day, week or month before; of an incident, the time of the same length before."""
    if period.kind not in ("daily", "weekly", "monthly"):
        before = period.window.before()
        return incident(max(0, before.since_us), before.until_us, zone)
    day = local(period.since_us, zone).date() - timedelta(days=1)
    return period_of(period.kind, day, zone)


def last_ended(kind: ReportKind, now_us: int, zone: ZoneInfo) -> Period:
    """The newest period that is over."""
    return previous(period_of(kind, local(now_us, zone).date(), zone), zone)


def incident(since_us: int, until_us: int, zone: ZoneInfo) -> Period:
    """A window of at most 14 days. Raises InvalidInput."""
    if not 0 <= since_us < until_us:
        raise InvalidInput(
            "The incident ends before it begins.", what_to_do="Choose an end after the start."
        )
    if until_us - since_us > LONGEST_INCIDENT_US:
        raise InvalidInput(
            "An incident report covers at most 14 days.", what_to_do="Choose a shorter time."
        )
    since, until = local(since_us, zone), local(until_us, zone)
    return Period(
        kind="incident",
        since_us=since_us,
        until_us=until_us,
        code=f"{since:%Y-%m-%dT%H%M}-{until:%Y-%m-%dT%H%M}",
        words=f"{_moment(since)} to {_moment(until)}",
    )


def everything(now_us: int, zone: ZoneInfo) -> Period:
    """All that is stored now."""
    now = local(now_us, zone)
    words = f"As of {_moment(now)}"
    code = f"{now:%Y-%m-%d}"
    return Period(kind="data", since_us=0, until_us=now_us, code=code, words=words)


def moment_us(text: str, zone: ZoneInfo) -> int:
    """ISO 8601; without an offset, the reporting zone's clocks. Raises InvalidInput.

    Of an hour that clocks show twice, the first is meant; one that they skip is refused.
    """
    try:
        given = datetime.fromisoformat(text)
    except ValueError as exc:
        raise InvalidInput(
            f"'{text[:40]}' is not a time.", what_to_do="Write it like 2026-11-20T14:30."
        ) from exc
    return clock_us(given, zone)


def clock_us(given: datetime, zone: ZoneInfo) -> int:
    """UTC microseconds of a time; a naive one is on the reporting zone's clocks."""
    _check(given)
    aware = given if given.tzinfo else given.replace(tzinfo=zone)
    at_us = to_us(aware)
    if given.tzinfo is None and local(at_us, zone).replace(tzinfo=None) != given:
        raise InvalidInput(
            f"The clocks of {zone.key} never showed {given:%Y-%m-%d %H:%M}: they were put forward.",
            what_to_do="Choose a time an hour earlier or later.",
        )
    return at_us


def _check(day: date) -> None:
    if day.year not in _YEARS:
        raise InvalidInput(
            f"There are no records of the year {day.year}.",
            what_to_do=f"Choose a day from {_YEARS.start} to {_YEARS.stop - 1}.",
        )


def _edges(kind: ReportKind, day: date) -> tuple[date, date]:
    if kind == "weekly":
        first = day - timedelta(days=day.weekday())
        return first, first + timedelta(days=7)
    if kind == "monthly":
        first = day.replace(day=1)
        return first, (first + timedelta(days=31)).replace(day=1)
    return day, day + timedelta(days=1)


def _day(day: date) -> str:
    return f"{day.day} {day:%B %Y}"


def _moment(at: datetime) -> str:
    return f"{_day(at.date())}, {at:%H:%M}"
