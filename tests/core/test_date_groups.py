"""Headings of a list by date: calendar days of the person's own zone."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from core.date_groups import date_group, local

BERLIN, AUCKLAND = ZoneInfo("Europe/Berlin"), ZoneInfo("Pacific/Auckland")


def us(text: str, zone: ZoneInfo = BERLIN) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1e6)


@pytest.mark.parametrize(
    ("at", "group"),
    [
        ("2026-11-21T00:00", "Today"),
        ("2026-11-22T09:00", "Today"),  # a clock that is ahead
        ("2026-11-20T23:59", "Yesterday"),
        ("2026-11-19T12:00", "Previous 7 days"),
        ("2026-11-14T00:00", "Previous 7 days"),
        ("2026-11-13T23:59", "Previous 30 days"),
        ("2026-10-22T12:00", "Previous 30 days"),
        ("2026-10-21T12:00", "October"),
        ("2026-01-01T00:00", "January"),
        ("2025-12-31T23:59", "December 2025"),
    ],
)
def test_a_time_stands_under_the_heading_of_its_day(at: str, group: str) -> None:
    assert date_group(us(at), us("2026-11-21T08:00"), BERLIN) == group


def test_the_same_moment_is_today_here_and_yesterday_there() -> None:
    at, now = us("2026-11-20T20:00"), us("2026-11-21T08:00")
    assert date_group(at, now, BERLIN) == "Yesterday"
    assert date_group(at, now, AUCKLAND) == "Today"


def test_the_night_when_clocks_change_makes_no_day_longer_than_a_day() -> None:
    assert date_group(us("2026-10-24T23:30"), us("2026-10-25T23:30"), BERLIN) == "Yesterday"


@pytest.mark.parametrize("at_us", [-(2**62), 2**62])
def test_a_time_beyond_the_calendar_is_no_error(at_us: int) -> None:
    assert local(at_us, BERLIN).year in (1970, 9998)
