"""Distributions and heatmaps as ECharts options: pure functions, drawn in place like charts.py.

Colours of heatmaps are one hue from clear to full, so they read on white and on black. Names of
models and people go into data only, never into a tooltip's template: that is HTML.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pages.components.charts import DASHED, FAINT, GREY, key_of_dashes
from pages.components.charts_axes import BucketLabels, Option, time_axis, with_legend

_RAMP = ["rgba(0,114,178,0.10)", "rgba(30,140,205,0.55)", "rgba(30,150,220,1)"]
_FAR = 6
MOST_COLUMNS, MOST_ROWS, FEW_CELLS = 8, 10, 24
_THIN = "rgba(138,148,153,0.22)"
_GRID = {"left": 12, "right": 24, "top": 36, "bottom": 8, "containLabel": True}


@dataclass(frozen=True, kw_only=True, slots=True)
class Curve:
    """A line of (x, share) points; `sound` False draws it dashed."""

    name: str
    color: str
    points: Sequence[tuple[float, float]]
    sound: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """A box of a row: five rising values."""

    name: str
    color: str
    values: tuple[float, float, float, float, float]
    sound: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Dots:
    """Single points of one name; those with `special` are drawn as diamonds."""

    name: str
    color: str
    points: Sequence[tuple[float, float]]
    special: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """A cell of a heatmap. `weight` None draws it grey: too little to say."""

    column: int
    row: int
    weight: float | None
    said: str


def curves(drawn: Sequence[Curve], *, limit_s: float | None = None) -> Option:
    """Shares from 0 to 100 % over seconds on a logarithmic axis."""
    series: list[Option] = [
        {
            "type": "line", "name": one.name, "color": one.color, "showSymbol": False,
            "smooth": False, "data": [[x, round(y * 100, 2)] for x, y in one.points],
            "lineStyle": {"width": 2.5, "opacity": 1 if one.sound else FAINT,
                          "type": "solid" if one.sound else [4, 3]},
            "tooltip": {"valueFormatter": "%.1f %%"},
        }
        for one in drawn
    ]  # fmt: skip
    if limit_s is not None and series:
        series[0]["markLine"] = {
            "symbol": ["none", "none"], "silent": True, "animation": False,
            "lineStyle": {"color": GREY, "type": "dashed", "width": 1.5},
            "label": {"formatter": f"limit {limit_s:g} s", "color": GREY,
                      "position": "insideEnd",
                      "rotate": 0, "align": "right", "padding": [0, 5]},
            "data": [{"xAxis": limit_s}],
        }  # fmt: skip
    names = [one.name for one in drawn]
    if not all(one.sound for one in drawn):
        names.append(DASHED)
        series.append(key_of_dashes(DASHED))
    ends = [x for one in drawn for x, _ in one.points]
    option = {
        "animationDuration": 0,
        "grid": _GRID,
        "tooltip": {"trigger": "axis", "confine": True},
        "xAxis": {
            "type": "log", "min": min(ends, default=0.01), "max": max(ends, default=10),
            "axisLabel": {"formatter": "{value} s", "hideOverlap": True,
                          "showMinLabel": False, "showMaxLabel": False},
            "axisPointer": {"label": {"precision": 2}},
        },
        "yAxis": {"type": "value", "min": 0, "max": 100, "axisLabel": {"formatter": "{value} %"}},
        "series": series,
    }  # fmt: skip
    return with_legend(option, names)


def boxes(drawn: Sequence[Box], unit: str) -> Option:
    """One horizontal box per name: its line is the median, its ends the first and last value.

    The axis is logarithmic when one name is so far off that the others would be a smear.
    """
    middles = [one.values[2] for one in drawn if one.values[0] > 0]
    log = len(middles) == len(drawn) and max(middles, default=1) > _FAR * min(middles, default=1)
    scale: Option = {"type": "log"} if log else {"type": "value", "min": 0}
    return {
        "animationDuration": 0,
        "grid": _GRID | {"top": 8, "bottom": 26},
        "tooltip": {"trigger": "item", "confine": True, "valueFormatter": "%,.0f " + unit},
        "xAxis": scale | {
            "name": f"{unit}, logarithmic" if log else unit, "nameLocation": "middle", "nameGap": 26,
            "axisLabel": {"hideOverlap": True},
        },
        "yAxis": {"type": "category", "inverse": True, "data": [one.name for one in drawn],
                  "axisLabel": {"width": 130, "overflow": "truncate"}},
        "series": [
            {
                "type": "boxplot",
                "name": unit,
                "boxWidth": [8, 26],
                "data": [
                    {
                        "name": one.name,
                        "value": [round(v, 2) for v in one.values],
                        "itemStyle": {"color": "rgba(138,148,153,0.15)", "borderColor": one.color,
                                      "borderWidth": 2, "opacity": 1 if one.sound else FAINT,
                                      "borderType": "solid" if one.sound else "dashed"},
                    }
                    for one in drawn
                ],
            }
        ],
    }  # fmt: skip


def dots(drawn: Sequence[Dots], *, log: bool = False) -> Option:
    """Seconds over whole numbers, one point each."""
    series = []
    for one in drawn:
        for points, symbol, size in ((one.points, "circle", 6), (one.special, "diamond", 9)):
            if points:
                series.append(
                    {
                        "type": "scatter", "name": one.name, "color": one.color, "symbol": symbol,
                        "symbolSize": size, "data": [[x, round(y, 4)] for x, y in points],
                        "itemStyle": {"opacity": 0.65 if symbol == "diamond" else 0.45,
                                      "borderColor": GREY,
                                      "borderWidth": 1 if symbol == "diamond" else 0},
                    }
                )  # fmt: skip
    option = {
        "animationDuration": 0,
        "grid": _GRID | {"bottom": 26},
        "tooltip": {
            "trigger": "item", "confine": True,
            "formatter": "{a}<br>{@[0]} input tokens, first token after {@[1]} s",
        },
        "xAxis": {"type": "log" if log else "value", "name": "input tokens", "min": 1 if log else 0,
                  "nameLocation": "middle", "nameGap": 26, "axisLabel": {"hideOverlap": True},
                  "splitLine": {"show": False}},
        "yAxis": {"type": "log" if log else "value", "axisLabel": {"formatter": "{value} s"}},
        "series": series,
    }  # fmt: skip
    return with_legend(option, [one.name for one in drawn])


def heatmap(
    columns: Sequence[str], rows: Sequence[str], cells: Sequence[Cell], ends: tuple[str, str]
) -> Option:
    """Cells coloured by weight; the tooltip says the cell's own words.

    `ends`: what the palest and the strongest colour mean, for the scale above.
    """
    weights = [cell.weight for cell in cells if cell.weight is not None]
    low, high = min(weights, default=0.0), max(weights, default=1.0)
    return {
        "animationDuration": 0,
        "grid": {"left": 12, "right": 30, "top": 34, "bottom": 8, "containLabel": True},
        "tooltip": {"trigger": "item", "confine": True, "formatter": "{b}"},
        "xAxis": _categories(columns, MOST_COLUMNS) | (time_axis(columns) if isinstance(columns, BucketLabels) else {}) | {"data": list(columns)},
        "yAxis": _categories(rows, MOST_ROWS) | {"data": list(rows)},
        "visualMap": {
            "show": bool(weights), "seriesIndex": 0, "dimension": 2, "orient": "horizontal",
            "top": 0, "left": 0, "itemWidth": 12, "itemHeight": 90, "text": [ends[1], ends[0]],
            "textStyle": {"color": GREY, "fontSize": 11}, "hoverLink": False,
            "inactiveColor": "rgba(0,0,0,0)",
            "min": low, "max": high if high > low else low + 1, "inRange": {"color": _RAMP},
        },
        "series": [
            _cells([cell for cell in cells if cell.weight is not None]),
            _cells([cell for cell in cells if cell.weight is None], _THIN),
        ],
    }  # fmt: skip


def _categories(names: Sequence[str], most: int) -> Option:
    """An axis that names every so many of its few cells, or of many as often as there is room."""
    interval = -(-len(names) // most) - 1 if len(names) <= FEW_CELLS else "auto"
    return {
        "type": "category", "splitArea": {"show": False}, "axisTick": {"show": False},
        "axisLabel": {"interval": interval, "hideOverlap": True},
    }  # fmt: skip


def _cells(shown: Sequence[Cell], color: str | None = None) -> Option:
    return {
        "type": "heatmap",
        "itemStyle": {"borderRadius": 1} | ({"color": color} if color else {}),
        "emphasis": {"itemStyle": {"borderColor": GREY, "borderWidth": 1}},
        "data": [
            {"name": cell.said, "value": [cell.column, cell.row, cell.weight or 0]}
            for cell in shown
        ],
    }
