"""Buckets in zones and on days that are not 24 hours long."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.timeaxis import (
    DAY_US,
    Window,
    bucket_size,
    buckets,
    local,
    midnight_us,
    to_us,
)

ZONES = ("UTC", "Asia/Kathmandu", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe")
SIZES = ("1h", "3h", "6h", "day", "week", "month")
HOUR_US = 3_600_000_000


def at(text: str, zone: str = "UTC") -> int:
    return to_us(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)))


@given(
    st.sampled_from(ZONES),
    st.sampled_from(SIZES),
    st.datetimes(datetime(2024, 1, 1), datetime(2027, 1, 1)),
    st.integers(1, 40 * DAY_US),
)
def test_buckets_cover_the_window_without_gap_or_overlap(
    zone: str, size: str, start: datetime, length: int
) -> None:
    since = to_us(start.replace(tzinfo=UTC))
    found = buckets(Window(since_us=since, until_us=since + length), size, ZoneInfo(zone))  # type: ignore[arg-type]
    assert (found[0].start_us, found[-1].end_us) == (since, since + length)
    assert all(a.end_us == b.start_us for a, b in pairwise(found))
    assert all(b.end_us > b.start_us for b in found)
    assert not any(b.partial for b in found[1:-1])


@pytest.mark.parametrize(
    ("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-06-01", 24)]
)
def test_a_day_in_berlin_has_as_many_hours_as_its_clocks(day: str, hours: int) -> None:
    zone = ZoneInfo("Europe/Berlin")
    start = midnight_us(date.fromisoformat(day), zone)
    window = Window(since_us=start, until_us=start + hours * HOUR_US)
    assert [b.partial for b in buckets(window, "day", zone)] == [False]
    assert len(buckets(window, "1h", zone)) == hours


def test_days_in_kathmandu_begin_at_a_quarter_past_six_utc_the_evening_before() -> None:
    window = Window(since_us=at("2026-11-20T18:15"), until_us=at("2026-11-22T18:15"))
    found = buckets(window, "day", ZoneInfo("Asia/Kathmandu"))
    assert [(b.start_us, b.partial) for b in found] == [
        (at("2026-11-20T18:15"), False),
        (at("2026-11-21T18:15"), False),
    ]


def test_where_clocks_jump_over_midnight_the_day_begins_at_the_jump() -> None:
    assert midnight_us(date(2025, 4, 25), ZoneInfo("Africa/Cairo")) == at("2025-04-24T22:00")


def test_the_running_bucket_is_marked_partial() -> None:
    window = Window(since_us=at("2026-11-21T10:00"), until_us=at("2026-11-21T12:30"))
    assert [b.partial for b in buckets(window, "1h", ZoneInfo("UTC"))] == [False, False, True]


@pytest.mark.parametrize(
    ("days", "size"),
    [(15 / 1440, "1m"), (1, "15m"), (7, "3h"), (25, "6h"), (90, "day"), (365, "week"), (3000, "month")],
)  # fmt: skip
def test_a_window_gets_the_finest_buckets_that_fit_a_chart(days: float, size: str) -> None:
    assert bucket_size(Window(since_us=0, until_us=int(days * DAY_US))) == size


def test_months_have_their_own_lengths() -> None:
    window = Window(since_us=at("2026-01-01"), until_us=at("2026-04-01"))
    found = buckets(window, "month", ZoneInfo("UTC"))
    assert [(b.end_us - b.start_us) // DAY_US for b in found] == [31, 28, 31]


def test_local_time_keeps_every_microsecond() -> None:
    moment = at("2026-11-21T10:00") + 123_457
    assert to_us(local(moment, ZoneInfo("Asia/Kathmandu"))) == moment


def test_an_empty_window_has_no_buckets() -> None:
    assert buckets(Window(since_us=5, until_us=5), "day", ZoneInfo("UTC")) == []
