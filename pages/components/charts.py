"""Charts over time as ECharts options: pure functions, drawn by `st.echarts_chart(key=)` in place.

Rules (design/ANALYTICS.md 3): a percentile without runs is a gap, a count without runs is 0; what
rests on too few runs or on a bucket that is not whole is pale; lines are straight; one unit per
axis; the tooltip says on how many runs a bucket rests. Times of buckets are the reporting zone's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from analytics.timeaxis import Bucket, BucketSize, local

Option = dict[str, Any]

HEIGHT = 270
PALE = 0.4
FEW = 12
"""Up to so many points are dots one can see, because no line joins lone ones."""
_UNSEEN = "rgba(0,0,0,0)"
_DAY_SIZES = ("day", "week")


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
ONES = Unit(factor=1, axis="{value}", tooltip="%,d")
THOUSANDS = Unit(factor=1e-3, axis="{value} k", tooltip="%.1f k")
MILLIONS = Unit(factor=1e-6, axis="{value} M", tooltip="%.2f M")


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """One name in the legend. None is a gap; `sound[k]` False draws value k pale."""

    name: str
    color: str
    values: Sequence[float | None]
    sound: Sequence[bool]
    symbol: str = "circle"


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """A row of the tooltip that is not drawn: what a bucket rests on."""

    name: str
    values: Sequence[int]


def time_unit(values_us: Sequence[float | None]) -> Unit:
    """Milliseconds when everything is below a second."""
    return MILLISECONDS if max((v for v in values_us if v), default=0) < 1e6 else SECONDS


def count_unit(highest: float) -> Unit:
    """Ones, thousands or millions, so that an axis never shows six zeros."""
    return ONES if highest < 20_000 else THOUSANDS if highest < 2_000_000 else MILLIONS


def bucket_labels(buckets: Sequence[Bucket], size: BucketSize, zone: ZoneInfo) -> list[str]:
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
    return names


def bars(
    labels: Sequence[str], series: Sequence[Series], unit: Unit, also: Sequence[Count] = ()
) -> Option:
    """Stacked bars: counts and sums only, never percentiles."""
    drawn = [
        {
            "type": "bar",
            "name": one.name,
            "stack": "all",
            "color": one.color,
            "barCategoryGap": "18%",
            "data": [_bar(v, good, unit) for v, good in zip(one.values, one.sound, strict=True)],
            "tooltip": {"valueFormatter": unit.tooltip},
        }
        for one in series
    ]
    return _frame(labels, [s.name for s in series], unit, drawn, also, pointer="shadow")


def lines(
    labels: Sequence[str],
    series: Sequence[Series],
    unit: Unit,
    also: Sequence[Count] = (),
    *,
    log: bool = False,
) -> Option:
    """Straight lines, each percentile on its own. Everything is drawn pale, what is sound on top."""
    drawn: list[Option] = []
    few = max((sum(v is not None for v in one.values) for one in series), default=0) <= FEW
    for one in series:
        whole = [_scaled(v, unit, log) for v in one.values]
        sound = [v if good else None for v, good in zip(whole, one.sound, strict=True)]
        shared = {
            "type": "line",
            "name": one.name,
            "color": one.color,
            "symbol": one.symbol,
            "connectNulls": False,
            "showAllSymbol": True,
            "smooth": False,
        }
        # The first of a name gives the legend its look; the second answers the tooltip.
        drawn.append(
            shared
            | {"data": sound, "symbolSize": 9 if few else 5, "z": 3, "tooltip": {"show": False}}
        )
        drawn.append(
            shared
            | {
                "data": whole,
                "symbolSize": 8 if few else 4,
                "z": 2,
                "lineStyle": {"opacity": PALE, "width": 1.5},
                "itemStyle": {"opacity": PALE},
                "tooltip": {"valueFormatter": unit.tooltip},
            }
        )
    return _frame(labels, [s.name for s in series], unit, drawn, also, pointer="line", log=log)


def _bar(value: float | None, sound: bool, unit: Unit) -> Any:
    scaled = _scaled(value, unit, log=False)
    return scaled if sound else {"value": scaled, "itemStyle": {"opacity": PALE}}


def _scaled(value: float | None, unit: Unit, log: bool) -> float | None:
    if value is None or (log and value <= 0):
        return None
    return value if unit.factor == 1 else float(f"{value * unit.factor:.6g}")


def _frame(
    labels: Sequence[str],
    names: Sequence[str],
    unit: Unit,
    drawn: list[Option],
    also: Sequence[Count],
    *,
    pointer: str,
    log: bool = False,
) -> Option:
    counts = [
        {
            "type": "line",
            "name": count.name,
            "data": list(count.values),
            "yAxisIndex": 1,
            "color": _UNSEEN,
            "lineStyle": {"opacity": 0},
            "showSymbol": False,
            "silent": True,
            "tooltip": {"valueFormatter": "%,d"},
        }
        for count in also
    ]
    return {
        "animationDuration": 0,
        "animationDurationUpdate": 300,
        "grid": {"left": 24, "right": 30, "top": 36, "bottom": 4, "containLabel": True},
        "legend": {"type": "scroll", "data": list(names), "top": 0, "left": 0},
        "tooltip": {"trigger": "axis", "axisPointer": {"type": pointer}, "confine": True},
        "xAxis": {"type": "category", "data": list(labels), "boundaryGap": pointer == "shadow"},
        "yAxis": [
            {
                "type": "log" if log else "value",
                "axisLabel": {"formatter": unit.axis},
                "minInterval": 1 if unit is ONES else 0,
            },
            {"type": "value", "show": False},
        ],
        "series": drawn + counts,
    }
