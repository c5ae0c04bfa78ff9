"""Bars and intervals side by side as ECharts options: parts of a whole, changes, rates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pages.components.charts import FAINT, GREY
from pages.components.charts_axes import NEUTRALS, Option, Unit, with_legend

RISE, FALL = NEUTRALS[:2]
ROW_PX = 34
LABEL_FROM = 0.08
"""Parts below have no room for words."""
_NAMES = {"width": 130, "overflow": "truncate", "interval": 0}
_BARE: Option = {"axisTick": {"show": False}, "axisLine": {"show": False}}


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One kind of a stack: a share of every row, with the words of its tooltip."""

    name: str
    color: str
    shares: Sequence[float]
    said: Sequence[str]


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
    option = {
        "animationDuration": 0,
        "grid": {"left": 8, "right": 20, "bottom": 4, "containLabel": True},
        "tooltip": {"trigger": "item", "confine": True, "formatter": "{a}: {b}"},
        "xAxis": {"type": "value", "min": 0, "max": 100, "axisLabel": {"formatter": "{value} %"}},
        "yAxis": {"type": "category", "inverse": True, "data": list(rows),
                  "axisTick": {"show": False}, "axisLabel": {"lineHeight": 15}},
        "series": [
            {
                "type": "bar", "stack": "all", "name": part.name, "color": part.color,
                "barMaxWidth": 38,
                # On a plate: no colour of words is readable on every colour of bars.
                "label": {"show": True, "position": "inside", "color": "#10201d", "fontSize": 11,
                          "backgroundColor": "rgba(255,255,255,0.88)", "padding": [2, 4],
                          "borderRadius": 3},
                "data": [
                    {
                        "name": said, "value": round(share * 100, 3),
                        "label": {"show": share >= LABEL_FROM, "formatter": f"{share * 100:.0f} %"},
                    }
                    for share, said in zip(part.shares, part.said, strict=True)
                ],
            }
            for part in parts
        ],
    }  # fmt: skip
    return with_legend(option, [part.name for part in parts])


def changes(
    names: Sequence[str],
    values: Sequence[float],
    said: Sequence[str],
    unit: Unit,
    marks: Sequence[str],
) -> Option:
    """Bars to the right for more, to the left for less; `marks` are a column at the right."""
    return {
        "animationDuration": 0,
        "grid": {"left": 8, "right": 16, "top": 8, "bottom": 4, "containLabel": True},
        "tooltip": {"trigger": "item", "confine": True, "formatter": "{b}"},
        # Every bar has its amount beside it: ticks would say it twice.
        "xAxis": {"type": "value", "axisLabel": {"show": False}, "splitLine": {"show": False}},
        "yAxis": [
            {"type": "category", "inverse": True, "data": list(names), "axisLabel": _NAMES} | _BARE,
            {"type": "category", "inverse": True, "data": list(marks), "position": "right",
             "axisLabel": {"interval": 0}} | _BARE,
        ],
        "series": [
            {
                "type": "bar", "barMaxWidth": 18,
                "markLine": {
                    "silent": True, "symbol": ["none", "none"], "animation": False,
                    "label": {"show": False}, "data": [{"xAxis": 0}],
                    "lineStyle": {"color": GREY, "type": "solid", "width": 1},
                },
                "data": [
                    {
                        "name": words, "value": float(f"{value * unit.factor:.6g}"),
                        "itemStyle": {"color": RISE if value > 0 else FALL},
                    }
                    for value, words in zip(values, said, strict=True)
                ],
            }
        ],
    }  # fmt: skip


def rates(rows: Sequence[RateRow]) -> Option:
    """A dot per row and the interval as a line through it."""
    lines = [
        [
            {"coord": [row.interval[0] * 100, place], "lineStyle": {
                "color": row.color, "width": 3, "opacity": FAINT,
                "type": "solid" if row.sound else [4, 3]}},
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
                     "itemStyle": {"color": row.color, "opacity": 1 if row.sound else FAINT}}
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
