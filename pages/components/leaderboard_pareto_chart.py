"""Quality over cost or slowness as an ECharts option. Pure; names go into data only."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any

from pages.components.charts import GREY
from pages.components.charts_axes import Option
from pages.components.leaderboard_intervals import percent_axis

_DECADE = 10
_PALE, _PALE_HEX, _FULL_HEX = 0.3, "4D", "E6"
"""As part of the colour: an opacity of the dot would be one of its name too."""
_STRIP_PX = 58
_NAMES_TURN = 0.42
"""Of the width: dots right of it have their name at the left."""
_LINE_PX, _HEIGHT_PX = 14, 310
"""Of a name, and about that of the axis."""
_NAME_WIDE = 0.25
"""Of the width: dots closer than this have names that touch."""
FREE, NO_COST = "free", "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    name: str
    color: str
    cost: float | str
    """What stands on the axis across, or FREE or NO_COST."""
    quality: float
    """Percent, as are low and high."""
    low: float
    high: float
    size: float
    """Pixels."""
    pale: bool
    said: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Across:
    """What the axis across is of, less being better."""

    name: str
    tick: str


COST = Across(name="cost of 1,000 answers", tick="${value}")
SLOWNESS = Across(name="p95 latency", tick="{value} s")


def pareto(points: Sequence[Point], across: Across = COST) -> Option:
    """Costs on a logarithmic axis when they span more than a decade: then what is free, and what is of
    unknown cost, stands in a strip at the left."""
    paid = [float(one.cost) for one in points if not isinstance(one.cost, str)]
    log = bool(paid) and max(paid) > _DECADE * min(paid)
    strip = [kind for kind in (FREE, NO_COST) if any(one.cost == kind for one in points)]
    if not log and FREE in strip and paid:
        strip.remove(FREE)  # zero is on the axis
    left = _STRIP_PX * len(strip)
    ends = _ends(paid, log=log)
    in_strip = [one for one in points if one.cost in strip]
    on_axis = [one for one in points if one.cost not in strip]
    y: Option = {
        "type": "value", **percent_axis([one.low for one in points], [one.high for one in points]),
        "axisLabel": {"formatter": "{value} %"},
        "name": "chance to win", "nameLocation": "end",
        "nameTextStyle": {"align": "left"},
    }  # fmt: skip
    bare: Option = {"axisLabel": {"show": False}, "name": "", "axisLine": {"show": False}}
    main_only: Option = {"left": 52, "right": 24, "top": 34, "bottom": 48}
    option: Option = {
        "animationDuration": 0,
        "tooltip": {"trigger": "item", "confine": True, "formatter": "{b}",
                    "extraCssText": "white-space: pre-line; max-width: 300px"},
        "grid": [main_only | {"left": 52 + left + (10 if left else 0)}],
        "xAxis": [{
            "type": "log" if log else "value", "min": ends[0], "max": ends[1], "gridIndex": 0,
            "axisLabel": {"formatter": across.tick, "hideOverlap": True},
            "name": f"{across.name}{', logarithmic' if log else ''}",
            "nameLocation": "middle", "nameGap": 28, "splitLine": {"show": False},
            "show": bool(paid),
        }],
        "yAxis": [y | {"gridIndex": 0} | (bare if strip else {})],
        "series": [
            _frontier(points, ends),
            _dots([(one, 0.0 if one.cost == FREE else float(one.cost)) for one in on_axis], 0,
                  middle=_middle(ends, log=log), lines=_lines_down(on_axis, y, ends, log=log)),
        ],
    }  # fmt: skip
    if strip:
        option["grid"].append({"left": 52, "width": left, "top": 34, "bottom": 48})
        option["xAxis"].append(
            {"type": "category", "data": strip, "gridIndex": 1, "axisTick": {"show": False},
             "axisLabel": {"interval": 0}}
        )  # fmt: skip
        option["yAxis"].append(y | {"gridIndex": 1})
        option["series"].append(
            _dots(
                [(one, strip.index(str(one.cost))) for one in in_strip],
                1,
                middle=len(strip),
                lines=_lines_down(in_strip, y, ends, log=log),
            )
        )
    return option


def _ends(paid: Sequence[float], *, log: bool) -> tuple[float, float]:
    if not paid:
        return 0.0, 1.0
    if log:
        return _one_digit(min(paid) / 1.4, floor), _one_digit(max(paid) * 1.6, ceil)
    return 0.0, _one_digit(max(paid) * 1.1, ceil)


def _one_digit(value: float, cut: Callable[[float], int]) -> float:
    exponent = floor(log10(value))
    return float(f"{cut(value / 10**exponent)}e{exponent}")


def _middle(ends: tuple[float, float], *, log: bool) -> float:
    low, high = ends
    if log:
        return float(10 ** (log10(low) + _NAMES_TURN * log10(high / low)))
    return low + _NAMES_TURN * (high - low)


def _frontier(points: Sequence[Point], ends: tuple[float, float]) -> Option:
    """Steps: the highest quality for up to each cost."""
    best = max((one.quality for one in points if one.cost == FREE), default=None)
    steps: list[list[float]] = [] if best is None else [[ends[0], best]]
    paid = [(one.cost, one.quality) for one in points if not isinstance(one.cost, str)]
    for cost, quality in sorted(paid, key=lambda at: (at[0], -at[1])):
        if best is None or quality > best:
            best = quality
            steps.append([cost, best])
    if steps:
        steps.append([ends[1], steps[-1][1]])
    return {
        "type": "line", "step": "end", "silent": True, "showSymbol": False, "data": steps,
        "lineStyle": {"color": GREY, "type": "dashed", "width": 1.5}, "z": 1,
        "tooltip": {"show": False},
    }  # fmt: skip


def _lines_down(
    points: Sequence[Point], y: Option, ends: tuple[float, float], *, log: bool
) -> list[int]:
    """Of each dot, how many lines its name stands lower because others stand there already: ECharts
    moves no names of dots apart."""

    def across(cost: float | str) -> float:
        if cost in (FREE, NO_COST):
            return 0.0
        value, (low, high) = float(cost), ends
        return log10(value / low) / log10(high / low) if log else (value - low) / (high - low)

    a_line = (y["max"] - y["min"]) * _LINE_PX / _HEIGHT_PX
    taken: list[tuple[float, float]] = []
    lines = [0] * len(points)
    for place, one in sorted(enumerate(points), key=lambda at: -at[1].quality):
        x, at = across(one.cost), one.quality
        while any(abs(x - x2) < _NAME_WIDE and abs(at - at2) < 0.9 * a_line for x2, at2 in taken):
            at -= a_line
            lines[place] += 1
        taken.append((x, at))
    return lines


def _dots(
    placed: Sequence[tuple[Point, float]], axis: int, *, middle: float, lines: Sequence[int]
) -> Option:
    whiskers: list[Any] = [
        [
            {"coord": [x, one.low],
             "lineStyle": {"color": one.color, "width": 2, "type": "solid",
                           "opacity": _PALE if one.pale else 0.75}},
            {"coord": [x, one.high]},
        ]
        for one, x in placed
    ]  # fmt: skip
    return {
        "type": "scatter", "xAxisIndex": axis, "yAxisIndex": axis, "z": 3,
        "data": [
            {
                "name": one.said, "value": [x, round(one.quality, 2)], "symbolSize": one.size,
                "itemStyle": {"color": f"{one.color}{_PALE_HEX if one.pale else _FULL_HEX}",
                              "opacity": 1},
                "label": {"show": True, "formatter": _literal(one.name),
                          "color": GREY if one.pale else one.color, "padding": [0, 0, 5, 0],
                          "position": "left" if x > middle else "right", "fontSize": 12,
                          "verticalAlign": "bottom", "offset": [0, down * _LINE_PX],
                          "width": 128, "overflow": "break", "lineHeight": _LINE_PX},
            }
            for (one, x), down in zip(placed, lines, strict=True)
        ],
        "markLine": {"silent": True, "symbol": ["none", "none"], "animation": False,
                     "label": {"show": False}, "data": whiskers},
    }  # fmt: skip


def _literal(name: str) -> str:
    """Text of a label that stands for itself: braces and bars are ECharts' own."""
    return name.translate(str.maketrans("{}|", "()/"))
