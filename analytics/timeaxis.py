"""Ranges and buckets of time in the reporting zone.

Edges are instants (UTC microseconds). Days begin at the zone's own midnight, so a day may have 23
or 25 hours; shorter buckets are counted from each midnight in elapsed time. Buckets never overlap
and leave nothing out: the sum over them is the total of the range, in every zone, on every day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Literal
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

from core.metrics_query import RangeName

BucketSize = Literal["1m", "5m", "15m", "30m", "1h", "3h", "6h", "day", "week", "month"]

MINUTE_US = 60_000_000
QUARTER_US = 15 * MINUTE_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US
_STEPS_US: dict[BucketSize, int] = {
    "1m": MINUTE_US,
    "5m": 5 * MINUTE_US,
    "15m": 15 * MINUTE_US,
    "30m": 30 * MINUTE_US,
    "1h": 60 * MINUTE_US,
    "3h": 180 * MINUTE_US,
    "6h": 360 * MINUTE_US,
}
RANGES_US: dict[RangeName, int | None] = {
    "15m": 15 * MINUTE_US,
    "1h": 60 * MINUTE_US,
    "6h": 360 * MINUTE_US,
    "24h": DAY_US,
    "7d": 7 * DAY_US,
    "30d": 30 * DAY_US,
    "90d": 90 * DAY_US,
    "all": None,
}
# The finest size that gives at most this many points is chosen; a chart has about 100 columns.
_MAX_BUCKETS = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """since <= t < until, in UTC microseconds."""

    since_us: int
    until_us: int

    def before(self) -> Window:
        """The window of the same length that ends where this one begins."""
        return Window(since_us=2 * self.since_us - self.until_us, until_us=self.since_us)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bucket:
    start_us: int
    end_us: int
    partial: bool
    """True when the window cuts it: its counts are not comparable with the others (draw it pale)."""


@dataclass(frozen=True, slots=True)
class Axis:
    """The buckets of a chart, in order and without gaps."""

    size: BucketSize
    buckets: tuple[Bucket, ...]

    def places(self, at_us: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The bucket of each moment; every moment must lie in one of them."""
        starts = np.array([bucket.start_us for bucket in self.buckets], dtype=np.int64)
        return np.searchsorted(starts, at_us, side="right") - 1


def axis_of(window: Window, zone: ZoneInfo, size: BucketSize | None = None) -> Axis:
    """The buckets of a window, by default of the finest size with at most 100."""
    size = size or bucket_size(window)
    return Axis(size, tuple(buckets(window, size, zone)))


def bucket_size(window: Window) -> BucketSize:
    """The finest size with at most 100 buckets in the window."""
    length = window.until_us - window.since_us
    for size, step in _STEPS_US.items():
        if length <= step * _MAX_BUCKETS:
            return size
    if length <= DAY_US * _MAX_BUCKETS:
        return "day"
    return "week" if length <= 7 * DAY_US * _MAX_BUCKETS else "month"


def buckets(window: Window, size: BucketSize, zone: ZoneInfo) -> list[Bucket]:
    """The buckets that cover the window; the first and last are cut to it."""
    if window.until_us <= window.since_us:
        return []
    edges = []
    for edge in _edges(window.since_us, size, zone):
        edges.append(edge)
        if edge >= window.until_us:
            break
    pieces = [(a, b) for a, b in pairwise(edges) if b > window.since_us]
    return [
        Bucket(
            start_us=max(a, window.since_us),
            end_us=min(b, window.until_us),
            partial=a < window.since_us or b > window.until_us,
        )
        for a, b in pieces
    ]


def _edges(since_us: int, size: BucketSize, zone: ZoneInfo) -> Iterator[int]:
    """Rising edges for ever, beginning at or before `since_us`."""
    first = local(since_us, zone).date()
    if size == "week":
        first -= timedelta(days=first.weekday())
    elif size == "month":
        first = first.replace(day=1)
    while True:
        following = _next(first, size)
        start, end = midnight_us(first, zone), midnight_us(following, zone)
        yield from range(start, end, _STEPS_US.get(size, end - start))
        first = following


def _next(day: date, size: BucketSize) -> date:
    if size == "week":
        return day + timedelta(days=7)
    if size == "month":
        return (day + timedelta(days=31)).replace(day=1)
    return day + timedelta(days=1)


def midnight_us(day: date, zone: ZoneInfo) -> int:
    """The instant a day begins. Where clocks jump over midnight, the instant of the jump."""
    return to_us(datetime(day.year, day.month, day.day, tzinfo=zone))


def local(at_us: int, zone: ZoneInfo) -> datetime:
    """A moment as the zone's clocks show it."""
    return (_EPOCH + timedelta(microseconds=at_us)).astimezone(zone)


def to_us(moment: datetime) -> int:
    """UTC microseconds of an aware moment, exactly (a float timestamp would round)."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
