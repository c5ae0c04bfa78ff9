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
STRIP_PX = 44
_HATCHED = "#D55E00"
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
PERCENT = Unit(factor=100, axis="{value} %", tooltip="%.1f %%")
TOKENS_PER_S = Unit(factor=1, axis="{value}", tooltip="%,.0f tokens/s")
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


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A vertical line at a bucket: a release or a note."""

    place: int
    label: str
    """Plain text; drawn short."""
    kind: str = "note"


MARK_COLORS = {"release": "#0072B2", "note": "#8A9499"}
_MARK_TEXT = 16


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
    labels: Sequence[str],
    series: Sequence[Series],
    unit: Unit,
    also: Sequence[Count] = (),
    *,
    marks: Sequence[Mark] = (),
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
    option = _frame(labels, [s.name for s in series], unit, drawn, also, pointer="shadow")
    return marked(option, marks)


def lines(
    labels: Sequence[str],
    series: Sequence[Series],
    unit: Unit,
    also: Sequence[Count] = (),
    *,
    log: bool = False,
    marks: Sequence[Mark] = (),
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
    option = _frame(labels, [s.name for s in series], unit, drawn, also, pointer="line", log=log)
    return marked(option, marks)


def marked(option: Option, marks: Sequence[Mark]) -> Option:
    """The same chart over time with vertical lines at the buckets of marks."""
    if not marks:
        return option
    carrier = {
        "type": "line",
        "name": "Marks",
        "data": [],
        "silent": True,
        "tooltip": {"show": False},
        "markLine": {
            "symbol": ["none", "none"],
            "animation": False,
            "data": [_mark(mark) for mark in marks],
        },
    }
    return option | {"series": [*option["series"], carrier]}


def with_strip(option: Option, name: str, values: Sequence[int]) -> Option:
    """The same chart with a low strip of hatched counts under it, on an axis of their own."""
    (left, hidden), labels = option["yAxis"], option["xAxis"]
    # Fixed margins: measured ones would differ, and the buckets would not stand under each other.
    sides = {"left": 52, "right": 24, "containLabel": False}
    upper = option["grid"] | sides | {"bottom": STRIP_PX + 26}
    lower = sides | {"height": STRIP_PX - 14, "bottom": 4}
    axis = {"type": "value", "gridIndex": 1, "splitLine": {"show": False}, "splitNumber": 1,
            "axisLabel": {"show": False}, "minInterval": 1}  # fmt: skip
    hatched = {
        "type": "bar", "name": name, "xAxisIndex": 1, "yAxisIndex": 2, "color": _HATCHED,
        "barCategoryGap": "18%", "data": list(values), "tooltip": {"valueFormatter": "%,d"},
        "itemStyle": {"decal": {"symbol": "rect", "color": "rgba(255,255,255,0.75)",
                                "dashArrayX": [1, 0], "dashArrayY": [2, 3], "rotation": -0.785}},
    }  # fmt: skip
    legend = option["legend"]
    return option | {
        "grid": [upper, lower],
        "xAxis": [
            labels,
            labels | {"gridIndex": 1, "axisLabel": {"show": False}, "axisTick": {"show": False}},
        ],
        "yAxis": [left, hidden, axis],
        "axisPointer": {"link": [{"xAxisIndex": "all"}]},
        "legend": legend | {"data": [*legend["data"], name]},
        "series": [*option["series"], hatched],
    }


def _mark(mark: Mark) -> Option:
    color = MARK_COLORS.get(mark.kind, MARK_COLORS["note"])
    text = mark.label if len(mark.label) <= _MARK_TEXT else mark.label[: _MARK_TEXT - 1] + "…"
    return {
        "xAxis": mark.place,
        "name": text,
        "lineStyle": {"color": color, "type": "dashed", "width": 1.5},
        # {b} is the name as it is: braces in a label are not read as a template.
        "label": {"formatter": "{b}", "color": color, "position": "insideEndTop", "fontSize": 10},
    }


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
        "grid": {"left": 24, "right": 24, "top": 36, "bottom": 4, "containLabel": True},
        "legend": {"type": "scroll", "data": list(names), "top": 0, "left": 0},
        "tooltip": {"trigger": "axis", "axisPointer": {"type": pointer}, "confine": True},
        "xAxis": {
            "type": "category",
            "data": list(labels),
            "boundaryGap": pointer == "shadow",
            "axisLabel": {"alignMaxLabel": "right"},  # else the last one is cut
        },
        "yAxis": [
            {
                "type": "log" if log else "value",
                "axisLabel": {"formatter": unit.axis},
                "minInterval": 1 if unit is ONES else 0,
            },
            {"type": "value", "show": False, "axisLabel": {"show": False}},
        ],
        "series": drawn + counts,
    }
