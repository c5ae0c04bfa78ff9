"""Bars and intervals side by side as ECharts options: parts of a whole, changes, rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pages.components.charts import PALE, Option, Unit

GREY = "#8A9499"
RISE, FALL = "#D55E00", "#0072B2"
ROW_PX = 34
_NAMES = {"width": 150, "overflow": "truncate"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One kind of a stack: a share of every row, with the words of its tooltip."""

    name: str
    color: str
    shares: Sequence[float]
    said: Sequence[str]
    hatched: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class RateRow:
    """A share with its interval."""

    name: str
    color: str
    share: float
    interval: tuple[float, float]
    said: str
    sound: bool = True


def stacks(rows: Sequence[str], parts: Sequence[Part]) -> Option:
    """One horizontal bar of 100 % per row."""
    return {
        "animationDuration": 0,
        "grid": {"left": 8, "right": 20, "top": 58, "bottom": 4, "containLabel": True},
        "legend": {"top": 0, "left": 0, "data": [part.name for part in parts]},
        "tooltip": {"trigger": "item", "confine": True, "formatter": "{a}: {b}"},
        "xAxis": {"type": "value", "min": 0, "max": 100, "axisLabel": {"formatter": "{value} %"}},
        "yAxis": {"type": "category", "inverse": True, "data": list(rows),
                  "axisTick": {"show": False}, "axisLabel": {"lineHeight": 15}},
        "series": [
            {
                "type": "bar", "stack": "all", "name": part.name, "color": part.color,
                "barMaxWidth": 38,
                "itemStyle": {"decal": _HATCH} if part.hatched else {},
                "label": {"show": True, "position": "inside", "color": "#10201d", "fontSize": 11},
                "data": [
                    {
                        "name": said, "value": round(share * 100, 3),
                        "label": {"formatter": f"{share:.0%}" if share >= 0.08 else ""},
                    }
                    for share, said in zip(part.shares, part.said, strict=True)
                ],
            }
            for part in parts
        ],
    }  # fmt: skip


_HATCH = {
    "symbol": "rect", "symbolSize": 1, "color": "rgba(255,255,255,0.5)", "rotation": -0.785,
    "dashArrayX": [1, 0], "dashArrayY": [2, 5],
}  # fmt: skip


def changes(
    names: Sequence[str],
    values: Sequence[float],
    said: Sequence[str],
    unit: Unit,
    marks: Sequence[str],
) -> Option:
    """Bars to the right for more, to the left for less; `marks` are written at their ends."""
    return {
        "animationDuration": 0,
        "grid": {"left": 8, "right": 16, "top": 8, "bottom": 4, "containLabel": True},
        "tooltip": {"trigger": "item", "confine": True, "formatter": "{b}"},
        "xAxis": {"type": "value", "axisLabel": {"formatter": unit.axis, "hideOverlap": True},
                  "boundaryGap": ["16%", "16%"]},
        "yAxis": {"type": "category", "inverse": True, "data": list(names),
                  "axisTick": {"show": False}, "axisLine": {"onZero": False}, "axisLabel": _NAMES},
        "series": [
            {
                "type": "bar", "barMaxWidth": 18,
                "data": [
                    {
                        "name": words, "value": float(f"{value * unit.factor:.6g}"),
                        "itemStyle": {"color": RISE if value > 0 else FALL},
                        "label": {"show": True, "position": "right" if value > 0 else "left",
                                  "formatter": mark, "color": GREY, "fontSize": 11},
                    }
                    for value, words, mark in zip(values, said, marks, strict=True)
                ],
            }
        ],
    }  # fmt: skip


def rates(rows: Sequence[RateRow]) -> Option:
    """A dot per row and the interval as a line through it."""
    lines = [
        [
            {"coord": [row.interval[0] * 100, place], "lineStyle": {
                "color": row.color, "width": 3, "type": "solid",
                "opacity": 0.55 if row.sound else PALE}},
            {"coord": [row.interval[1] * 100, place]},
        ]
        for place, row in enumerate(rows)
    ]  # fmt: skip
    return {
        "animationDuration": 0,
        "grid": {"left": 8, "right": 28, "top": 8, "bottom": 4, "containLabel": True},
        "tooltip": {"trigger": "item", "confine": True, "formatter": "{b}"},
        "xAxis": {"type": "value", "min": 0, "axisLabel": {"formatter": "{value} %"},
                  "max": max((row.interval[1] * 100 * 1.05 for row in rows), default=1)},
        "yAxis": {"type": "category", "inverse": True, "data": [row.name for row in rows],
                  "axisTick": {"show": False}, "axisLabel": _NAMES},
        "series": [
            {
                "type": "scatter", "symbolSize": 13,
                "data": [
                    {"name": row.said, "value": [row.share * 100, place],
                     "itemStyle": {"color": row.color, "opacity": 1 if row.sound else PALE}}
                    for place, row in enumerate(rows)
                ],
                "markLine": {"silent": True, "symbol": ["none", "none"], "animation": False,
                             "label": {"show": False}, "data": lines},
            }
        ],
    }  # fmt: skip


def height_of(rows: int, extra: int = 50) -> int:
    """Pixels for a chart of so many rows."""
    return max(150, extra + ROW_PX * rows)
