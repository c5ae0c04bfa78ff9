"""Axes and legends of ECharts options: units, even ticks, midnights, names that wrap. All pure.

A template cannot round a tick, so steps are chosen whose multiples all have equally many decimals.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil, floor, log10
from typing import Any
from zoneinfo import ZoneInfo

from analytics.timeaxis import Bucket, BucketSize, local

Option = dict[str, Any]

PHONE_PX = 480
"""Charts up to so wide have the room of a phone."""
NEUTRALS = ("#1F8A7D", "#8A9499", "#6FBFB2", "#56636A", "#A9D3CB", "#B9C2C6", "#0F5F57", "#7A8B86")
"""Teals and greys for what is no model: hues belong to models."""
_WIDE_ROW_PX, _PHONE_ROW_PX = 500, 285
_LETTER_PX, _KEY_PX, _LINE_PX = 6.4, 33, 20
_DAY_SIZES = ("day", "week")
_MOST_TICKS, _DAY_MIN = 8, 1440
_TICK_MIN = (1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360, 720, _DAY_MIN, 2 * _DAY_MIN)
_PARTS, _MOST_STEPS = (5, 4, 6, 3, 2), 6


@dataclass(frozen=True, kw_only=True, slots=True)
class Unit:
    """How the values of an axis are written; values are multiplied by `factor` first."""

    factor: float
    axis: str
    tooltip: str
    """A printf format."""


MILLISECONDS = Unit(factor=1e-3, axis="{value} ms", tooltip="%.0f ms")
SECONDS = Unit(factor=1e-6, axis="{value} s", tooltip="%.2f s")
DOLLARS = Unit(factor=1e-12, axis="${value}", tooltip="$%.6f")
PERCENT = Unit(factor=100, axis="{value} %", tooltip="%.1f %%")
TOKENS_PER_S = Unit(factor=1, axis="{value} tokens/s", tooltip="%,.0f tokens/s")
ONES = Unit(factor=1, axis="{value}", tooltip="%,d")
THOUSANDS = Unit(factor=1e-3, axis="{value} k", tooltip="%.1f k")
MILLIONS = Unit(factor=1e-6, axis="{value} M", tooltip="%.2f M")


class BucketLabels(list[str]):
    """What stands under each bucket, and which of them an axis names."""

    def __init__(self, names: Iterable[str], ticks: Sequence[int] = ()) -> None:
        super().__init__(names)
        self.ticks = tuple(ticks)
        """Places of round times; empty: as many as there is room for."""


def time_unit(values_us: Sequence[float | None]) -> Unit:
    """Milliseconds when everything is below a second."""
    return MILLISECONDS if max((v for v in values_us if v), default=0) < 1e6 else SECONDS


def count_unit(highest: float) -> Unit:
    """Ones, thousands or millions, so that an axis never shows six zeros."""
    return ONES if highest < 20_000 else THOUSANDS if highest < 2_000_000 else MILLIONS


def bucket_labels(buckets: Sequence[Bucket], size: BucketSize, zone: ZoneInfo) -> BucketLabels:
    """What stands under each bucket. Where the clocks go back an hour, its second pass says so."""
    starts = [local(bucket.start_us, zone) for bucket in buckets]
    one_day = len({start.date() for start in starts}) == 1
    names: list[str] = []
    for start in starts:
        if size == "month":
            name = f"{start:%b %Y}"
        elif size in _DAY_SIZES:
            name = f"{start:%a} {start.day} {start:%b}"
        else:
            name = f"{start:%H:%M}" if one_day else f"{start.day} {start:%b} {start:%H:%M}"
        names.append(f"{name} {start:%Z}" if name in names else name)
    return BucketLabels(names, () if size in (*_DAY_SIZES, "month") else _round_times(starts))


def _round_times(starts: Sequence[datetime]) -> list[int]:
    """Places of the finest round times that leave room for their names: midnights, of some days."""
    minutes = [s.toordinal() * _DAY_MIN + s.hour * 60 + s.minute for s in starts]
    for step in _TICK_MIN:
        found = [
            place
            for place, (minute, start) in enumerate(zip(minutes, starts, strict=True))
            if minute % step == 0 and not start.second
        ]
        if len(found) <= _MOST_TICKS:
            return found
    return []


def time_axis(labels: Sequence[str]) -> Option:
    """The parts of a category axis that name buckets at round times, in two short lines."""
    ticks = labels.ticks if isinstance(labels, BucketLabels) else ()
    if not ticks:
        # else the last one is cut
        return {"axisLabel": {"alignMaxLabel": "right", "hideOverlap": True}}
    return {
        "axisLabel": {
            "customValues": list(ticks), "hideOverlap": True, "width": 46, "overflow": "break",
            "lineHeight": 13,
        },
        "axisTick": {"customValues": list(ticks), "alignWithLabel": True},
    }  # fmt: skip


def with_step(axis: Option, low: float, high: float, *, whole: bool = False) -> Option:
    """A linear axis from 0 to both ends, cut so that all its ticks have equally many decimals.

    ECharts rounds the step that comes of a number of parts; it goes on to do so when somebody hides
    a series. `whole`: of counts, so no step is below 1.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    parts = next((n for n in _PARTS if _even(low, high, n)), None) if high > low else None
    return axis | ({"minInterval": 1} if whole else {}) | ({"splitNumber": parts} if parts else {})


def _even(low: float, high: float, parts: int) -> bool:
    digit, exponent = rounded_step((high - low) / parts)
    step = float(f"{digit}e{exponent}")
    most = ceil(max(high, -low) / step - 1e-9)
    ticks = ceil(high / step - 1e-9) + ceil(-low / step - 1e-9)
    return ticks <= _MOST_STEPS and (
        exponent >= 0 or all(n * digit % 10 for n in range(1, most + 1))
    )


def rounded_step(step: float) -> tuple[int, int]:
    """Digit and exponent of ECharts' rounding of a step to 1, 2, 3, 5 or 10."""
    exponent = floor(log10(step))
    first = step / 10**exponent
    digit = next((d for below, d in ((1.5, 1), (2.5, 2), (4, 3), (7, 5)) if first < below), 10)
    return (1, exponent + 1) if digit == 10 else (digit, exponent)


def with_legend(option: Option, names: Sequence[str], *, top: int = 14) -> Option:
    """The same chart with a legend that wraps, and room for its rows on a desk and on a phone."""
    wide, narrow = (
        top + _LINE_PX * _rows(names, px) if names else 8 for px in (_WIDE_ROW_PX, _PHONE_ROW_PX)
    )
    legend = {
        "type": "plain", "data": list(names), "top": 0, "left": 0, "itemGap": 8, "itemWidth": 18,
        "itemHeight": 11,
    }  # fmt: skip
    return option | {
        "legend": legend,
        "grid": _at_top(option["grid"], wide),
        "media": [
            {
                "query": {"maxWidth": PHONE_PX},
                "option": {"grid": _only_top(option["grid"], narrow)},
            },
            {"option": {"grid": _only_top(option["grid"], wide)}},
        ],
    }


def _rows(names: Sequence[str], width: int) -> int:
    """How many rows of a legend the names take, by the width of usual letters."""
    rows, used = 1, 0.0
    for name in names:
        needed = _KEY_PX + _LETTER_PX * len(name)
        if used and used + needed > width:
            rows, used = rows + 1, 0.0
        used += needed
    return rows


def _at_top(grid: Any, top: int) -> Any:
    return [grid[0] | {"top": top}, *grid[1:]] if isinstance(grid, list) else grid | {"top": top}


def _only_top(grid: Any, top: int) -> Any:
    return [{"top": top}, *({} for _ in grid[1:])] if isinstance(grid, list) else {"top": top}
