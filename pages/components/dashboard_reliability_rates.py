"""Error rates over time with their intervals, and how each provider did."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from analytics.metrics import DEFINITIONS, Rate
from analytics.queries.reliability import (
    DEGRADED,
    DOWN,
    MIN_N,
    STATE_MIN_N,
    Level,
    RateSeries,
    State,
    StatusGrid,
    provider_status,
    rates_over_time,
    state_of,
)
from pages.components.charts import PERCENT, Count, Option, Series, bucket_labels, lines
from pages.components.charts_card import Cell, Table, card
from pages.components.dashboard_cost_parts import GREY, band, bucket_table, draw, whole
from pages.components.format import count, share

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from analytics.timeaxis import BucketSize
    from pages.components.dashboard_tab import Tab

_FAILED_RUNS = {"status": ["error", "timeout", "lost"]}
_TITLES: dict[Level, tuple[str, str, str, str]] = {
    "call": (
        "Attempt error rate", "How often does a provider let us down?", "attempts",
        DEFINITIONS["attempt_error_rate"],
    ),
    "run": (
        "Run failure rate", "How often do people get no answer?", "runs", DEFINITIONS["failure_rate"],
    ),
}  # fmt: skip
_COLORS: dict[Level, str] = {"call": "#E69F00", "run": "#D55E00"}
_STATES: dict[State, tuple[int, str, str]] = {
    "few": (0, f"Under {STATE_MIN_N} attempts", GREY),
    "ok": (1, "OK", "#009E73"),
    "degraded": (2, f"Degraded, from {DEGRADED:.0%}", "#E69F00"),
    "down": (3, f"Down, from {DOWN:.0%}", "#D55E00"),
}
_LANE_PX = 34


def show_rate(tab: Tab, level: Level) -> None:
    """The failed share of each bucket with Wilson's band."""
    title, question, what, definition = _TITLES[level]
    series = tab.answer(rates_over_time, level)
    bad, n = sum(rate.k for rate in series.rates), sum(rate.n for rate in series.rates)
    with card(
        f"error-rate-{level}", title, f"{question} {count(bad)} failed, n = {count(n)} {what}. "
        f"One point is {_size(series.size)}",
        definition=f"{definition} Waiting for a person is no error either. Band: Wilson's 95 % "
        f"interval. Points are as far apart as most need to rest on n = {MIN_N}. Without any there is a "
        f"gap; pale: n under {MIN_N}, or cut by the range.",
        data=partial(_rate_table, series, tab.zone),
        runs=_FAILED_RUNS if level == "run" else {},
    ):  # fmt: skip
        overall = Rate(k=bad, n=n)
        draw(
            f"rate_{level}", rate_option(series, title, _COLORS[level], what, tab.zone),
            f"{title} over time: {share(overall.share)} in all",
        )  # fmt: skip


def rate_option(series: RateSeries, title: str, color: str, what: str, zone: ZoneInfo) -> Option:
    """A line of shares over the band of their intervals."""
    sound = [
        good and rate.n >= MIN_N
        for good, rate in zip(whole(series.buckets), series.rates, strict=True)
    ]
    ends = [rate.interval for rate in series.rates]
    line = Series(
        name=title, color=color, values=[rate.share for rate in series.rates], sound=sound
    )
    also = [
        Count(name="Failed", values=[rate.k for rate in series.rates]),
        Count(name=f"Of so many {what}", values=[rate.n for rate in series.rates]),
    ]
    option = lines(bucket_labels(series.buckets, series.size, zone), [line], PERCENT, also)
    low, high = ([end[side] if end else None for end in ends] for side in (0, 1))
    return option | {"series": [*band(low, high, color, PERCENT, "95 %"), *option["series"]]}


def show_status(tab: Tab) -> None:
    """A lane per provider: how it did in each bucket."""
    grid = tab.answer(provider_status)
    n = sum(rate.n for cells in grid.cells.values() for rate in cells)
    bad = [
        f"{name} {', '.join(parts)}" for name, cells in grid.cells.items() if (parts := _bad(cells))
    ]
    with card(
        "provider-status", "Providers",
        f"Who was in trouble, and when? One cell is {_size(grid.size)}. n = {count(n)} attempts",
        definition=f"Failed / (ok + failed) attempts of the cell: degraded from {DEGRADED:.0%}, down "
        f"from {DOWN:.0%}, grey under {STATE_MIN_N} attempts, empty without any. Stopped attempts "
        "count nowhere.",
        data=partial(_status_table, grid, tab.zone), runs={},
    ):  # fmt: skip
        spoken = "; ".join(bad) or "no trouble"
        draw(
            "providers", status_option(grid, tab.zone), f"Status of providers over time: {spoken}",
            96 + _LANE_PX * max(2, len(grid.cells)),
        )  # fmt: skip


def status_option(grid: StatusGrid, zone: ZoneInfo) -> Option:
    """A cell per provider and bucket, coloured by state."""
    labels = bucket_labels(grid.buckets, grid.size, zone)
    cells = []
    for row, (provider, rates) in enumerate(grid.cells.items()):
        for place, rate in enumerate(rates):
            state = state_of(rate)
            if state == "none":
                continue
            number, word, _ = _STATES[state]
            said = f"{provider}, {labels[place]}: {word.split(',')[0]}, {rate.k} of {rate.n} failed"
            cells.append({"name": said, "value": [place, row, number]})
    return {
        "animationDuration": 0,
        "grid": {"left": 8, "right": 16, "top": 44, "bottom": 4, "containLabel": True},
        "tooltip": {"trigger": "item", "confine": True, "formatter": "{b}"},
        "xAxis": {
            "type": "category", "data": labels, "splitArea": {"show": False},
            "axisTick": {"show": False}, "axisLabel": {"hideOverlap": True},
        },
        "yAxis": {
            "type": "category", "inverse": True, "data": list(grid.cells),
            "axisTick": {"show": False}, "axisLabel": {"width": 110, "overflow": "truncate"},
        },
        "visualMap": {
            "type": "piecewise", "dimension": 2, "orient": "horizontal", "top": 0, "left": 0,
            "itemGap": 12, "showLabel": True, "textStyle": {"color": GREY},
            "pieces": [
                {"value": number, "label": word, "color": color}
                for number, word, color in _STATES.values()
            ],
        },
        "series": [
            {
                "type": "heatmap", "data": cells,
                "itemStyle": {"borderWidth": 1, "borderColor": "rgba(127,127,127,0.25)"},
            }
        ],
    }  # fmt: skip


def _bad(cells: tuple[Rate, ...]) -> list[str]:
    states = Counter(state_of(rate) for rate in cells)
    return [f"{states[state]} times {state}" for state in ("degraded", "down") if states[state]]


def _size(size: BucketSize) -> str:
    return {
        "1m": "a minute", "5m": "5 minutes", "15m": "15 minutes", "30m": "30 minutes",
        "1h": "an hour", "3h": "3 hours", "6h": "6 hours",
    }.get(size, f"a {size}")  # fmt: skip


def _rate_table(series: RateSeries, zone: ZoneInfo) -> Table:
    ends = [rate.interval or (None, None) for rate in series.rates]
    columns: dict[str, Sequence[Cell]] = {
        "rate": [rate.share for rate in series.rates],
        "low_95": [end[0] for end in ends],
        "high_95": [end[1] for end in ends],
        "failed": [rate.k for rate in series.rates],
        "n": [rate.n for rate in series.rates],
    }
    return bucket_table(series.buckets, zone, columns)


def _status_table(grid: StatusGrid, zone: ZoneInfo) -> Table:
    columns: dict[str, Sequence[Cell]] = {}
    for provider, rates in grid.cells.items():
        columns[f"{provider}: state"] = [state_of(rate) for rate in rates]
        columns[f"{provider}: failed"] = [rate.k for rate in rates]
        columns[f"{provider}: n"] = [rate.n for rate in rates]
    return bucket_table(grid.buckets, zone, columns)
