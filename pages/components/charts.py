"""Charts over time as ECharts options: pure functions, drawn by `st.echarts_chart(key=)` in place.

Rules (design/ANALYTICS.md 3): a percentile without runs is a gap, a count without runs is 0; what
rests on too few runs is dashed, a bar of a bucket that is not whole is pale; lines are straight; one
unit per axis; the tooltip says on how many runs a bucket rests. Times are the reporting zone's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pages.components.charts_axes import (
    NEUTRALS,
    ONES,
    Option,
    Unit,
    time_axis,
    with_legend,
    with_step,
)

HEIGHT = 270
PALE = 0.4
"""Of areas: a bar of a bucket that is cut."""
FAINT = 0.7
"""Of dashed lines and of points; paler ones are not seen on white."""
DASHED = "dashed: too few"
FEW = 12
"""Up to so many points are dots one can see, because no line joins lone ones."""
STRIP_PX = 44
GREY = "#8A9499"
_UNSEEN = "rgba(0,0,0,0)"


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """One name in the legend. None is a gap; `sound[k]` False draws value k dashed, or its bar pale."""

    name: str
    color: str
    values: Sequence[float | None]
    sound: Sequence[bool]
    symbol: str = "circle"


@dataclass(frozen=True, kw_only=True, slots=True)
class Count:
    """A row of the tooltip that is not drawn: what a bucket rests on."""

    name: str
    values: Sequence[float]
    unit: Unit | None = None
    """None: a plain number."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """A vertical line at a bucket: a release or a note."""

    place: int
    label: str
    """Plain text; drawn short."""
    kind: str = "note"


MARK_COLORS = {"release": NEUTRALS[0], "note": GREY}
_MARK_TEXT = 16


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
    totals = [
        sum(v or 0 for v in column) for column in zip(*(s.values for s in series), strict=True)
    ]
    names = [s.name for s in series]
    option = _frame(labels, names, unit, drawn, also, pointer="shadow", values=totals)
    return marked(option, marks)


def lines(
    labels: Sequence[str],
    series: Sequence[Series],
    unit: Unit,
    also: Sequence[Count] = (),
    *,
    log: bool = False,
    marks: Sequence[Mark] = (),
    few: str = DASHED,
) -> Option:
    """Straight lines, each percentile on its own. Everything is drawn dashed, what is sound on top.

    The legend says `few` when anything but a first or last value is not sound.
    """
    drawn: list[Option] = []
    lone = max((sum(v is not None for v in one.values) for one in series), default=0) <= FEW
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
            | {"data": sound, "symbolSize": 9 if lone else 5, "z": 3, "tooltip": {"show": False}}
        )
        drawn.append(
            shared
            | {
                "data": whole,
                "symbolSize": 8 if lone else 3,
                "z": 2,
                "lineStyle": {"opacity": FAINT, "width": 1.5, "type": [4, 3]},
                "itemStyle": {"opacity": FAINT},
                "tooltip": {"valueFormatter": unit.tooltip},
            }
        )
    names = [s.name for s in series]
    if any(_dashed_inside(one) for one in series):
        names.append(few)
        drawn.append(key_of_dashes(few))
    flat = [v for one in series for v in one.values if v is not None]
    option = _frame(labels, names, unit, drawn, also, pointer="line", log=log, values=flat)
    return marked(option, marks)


def _dashed_inside(one: Series) -> bool:
    """The first and the last bucket are cut by the range more often than not: nothing to explain."""
    inner = list(zip(one.values, one.sound, strict=True))[1:-1]
    return any(value is not None and not good for value, good in inner)


def key_of_dashes(name: str) -> Option:
    """A series without values, for a name in the legend that tells what dashes mean."""
    return {
        "type": "line", "name": name, "data": [], "color": GREY, "silent": True,
        "itemStyle": {"opacity": 0},
        "lineStyle": {"type": [4, 3], "width": 1.5}, "tooltip": {"show": False},
    }  # fmt: skip


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
            "data": [_mark(mark, len(option["xAxis"]["data"])) for mark in marks],
        },
    }
    return option | {"series": [*option["series"], carrier]}


def with_strip(option: Option, name: str, values: Sequence[int], sound: Sequence[bool]) -> Option:
    """The same chart with a low strip of hatched counts under it, on an axis of their own."""
    (left, hidden), labels = option["yAxis"], option["xAxis"]
    # Fixed margins: measured ones would differ, and the buckets would not stand under each other.
    sides = {"left": 52, "right": 24, "containLabel": False}
    upper = option["grid"] | sides | {"bottom": STRIP_PX + 34}
    lower = sides | {"height": STRIP_PX - 14, "bottom": 4}
    highest = max(values, default=0) or 1
    axis = {"type": "value", "gridIndex": 1, "splitLine": {"show": False}, "max": highest,
            "interval": highest, "axisLabel": {"showMinLabel": False, "fontSize": 10}}  # fmt: skip
    hatched = {
        "type": "bar", "name": name, "xAxisIndex": 1, "yAxisIndex": 2, "color": GREY,
        "barCategoryGap": "18%", "tooltip": {"valueFormatter": "%,d"},
        "data": [_bar(v, good, ONES) for v, good in zip(values, sound, strict=True)],
        "itemStyle": {"decal": {"symbol": "rect", "color": "rgba(255,255,255,0.75)",
                                "dashArrayX": [1, 0], "dashArrayY": [2, 3], "rotation": -0.785}},
    }  # fmt: skip
    under = labels | {"gridIndex": 1, "axisLabel": {"show": False}, "axisTick": {"show": False}}
    both = option | {
        "grid": [upper, lower],
        "xAxis": [labels, under],
        "yAxis": [left, hidden, axis],
        "axisPointer": {"link": [{"xAxisIndex": "all"}]},
        "series": [*option["series"], hatched],
    }
    return with_legend(both, [*option["legend"]["data"], name])


def _mark(mark: Mark, places: int) -> Option:
    color = MARK_COLORS.get(mark.kind, MARK_COLORS["note"])
    align = "left" if mark.place < places / 2 else "right"  # so that the text stays inside
    text = mark.label if len(mark.label) <= _MARK_TEXT else mark.label[: _MARK_TEXT - 1] + "…"
    return {
        "xAxis": mark.place, "name": text,
        "lineStyle": {"color": color, "type": "dashed", "width": 1.5},
        # {b} is the name as it is: braces in a label are not read as a template.
        "label": {"formatter": "{b}", "color": color, "position": "end", "distance": 3, "rotate": 0,
                  "align": align, "fontSize": 11},
    }  # fmt: skip


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
    values: Sequence[float],
    log: bool = False,
) -> Option:
    axis = {"type": "log" if log else "value", "axisLabel": {"formatter": unit.axis}}
    if not log:
        low, high = (end(values, default=0) * unit.factor for end in (min, max))
        axis = with_step(axis, low, high, whole=unit is ONES)
    option = {
        "animationDuration": 0,
        "animationDurationUpdate": 300,
        "grid": {"left": 24, "right": 24, "bottom": 4, "containLabel": True},
        "tooltip": {"trigger": "axis", "axisPointer": {"type": pointer}, "confine": True},
        "xAxis": {
            "type": "category", "data": list(labels), "boundaryGap": pointer == "shadow",
        } | time_axis(labels),
        "yAxis": [axis, {"type": "value", "show": False, "axisLabel": {"show": False}}],
        "series": drawn + [_said(count) for count in also],
    }  # fmt: skip
    return with_legend(option, names)


def _said(count: Count) -> Option:
    """A series that nobody sees, for its row of the tooltip."""
    return {
        "type": "line",
        "name": count.name,
        "data": [_scaled(v, count.unit, log=False) for v in count.values]
        if count.unit
        else list(count.values),
        "yAxisIndex": 1,
        "color": _UNSEEN,
        "lineStyle": {"opacity": 0},
        "showSymbol": False,
        "silent": True,
        "tooltip": {"valueFormatter": count.unit.tooltip if count.unit else "%,d"},
    }
