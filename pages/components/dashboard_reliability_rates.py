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
from pages.components.charts import Count, Series, lines
from pages.components.charts_axes import PERCENT, Option, bucket_labels, time_axis, with_legend
from pages.components.charts_card import Cell, Table, card
from pages.components.dashboard_cost_parts import GREY, bucket_table, draw, whole, with_band
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
_STATES: dict[State, tuple[str, str]] = {
    "few": (f"Under {STATE_MIN_N} attempts", GREY),
    "ok": ("OK", "#009E73"),
    "degraded": (f"Degraded, from {share(DEGRADED, 0)}", "#E69F00"),
    "down": (f"Down, from {share(DOWN, 0)}", "#D55E00"),
}
_LANE_PX = 34


def show_rate(tab: Tab, level: Level) -> None:
    """The failed share of each bucket with Wilson's band."""
    title, question, what, definition = _TITLES[level]
    series = tab.answer(rates_over_time, level)
    bad, n = sum(rate.k for rate in series.rates), sum(rate.n for rate in series.rates)
    with card(
        f"error-rate-{level}", title, f"{question} {count(bad)} failed, n = {count(n)} {what}. "
        f"One point is {size_words(series.size)}",
        definition=f"{definition} Waiting for a person is no error either. Band: Wilson's 95 % "
        f"interval. Points are as far apart as most need to rest on n = {MIN_N}. Without any there is a "
        f"gap; dashed: n under {MIN_N}, or cut by the range.",
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
    return with_band(option, low, high, color, PERCENT, "95 %")


def show_status(tab: Tab) -> None:
    """A lane per provider: how it did in each bucket."""
    grid = tab.answer(provider_status)
    n = sum(rate.n for cells in grid.cells.values() for rate in cells)
    bad = [
        f"{name} {', '.join(parts)}" for name, cells in grid.cells.items() if (parts := _bad(cells))
    ]
    with card(
        "provider-status", "Providers",
        f"Who was in trouble, and when? One cell is {size_words(grid.size)}. n = {count(n)} attempts",
        definition=f"Failed / (ok + failed) attempts of the cell: degraded from {share(DEGRADED, 0)}, down "
        f"from {share(DOWN, 0)}, grey under {STATE_MIN_N} attempts, empty without any. Stopped attempts "
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
    cells: dict[State, list[Option]] = {}
    for row, (provider, rates) in enumerate(grid.cells.items()):
        for place, rate in enumerate(rates):
            state = state_of(rate)
            if state == "none":
                continue
            word = _STATES[state][0]
            said = f"{provider}, {labels[place]}: {word.split(',')[0]}, {rate.k} of {rate.n} failed"
            cells.setdefault(state, []).append({"name": said, "value": [place, row, 0]})
    option = {
        "animationDuration": 0,
        "grid": {"left": 8, "right": 16, "bottom": 4, "containLabel": True},
        "tooltip": {"trigger": "item", "confine": True, "formatter": "{b}"},
        "xAxis": {
            "type": "category", "data": labels, "splitArea": {"show": False},
        } | time_axis(labels),
        "yAxis": {
            "type": "category", "inverse": True, "data": list(grid.cells),
            "axisTick": {"show": False}, "axisLabel": {"width": 110, "overflow": "truncate"},
        },
        # A series per state, because the scale of a heatmap drops names it has no room for.
        "series": [
            {
                "type": "heatmap", "name": word, "color": color, "data": cells.get(state, []),
                "itemStyle": {"color": color, "borderWidth": 1,
                              "borderColor": "rgba(127,127,127,0.25)"},
            }
            for state, (word, color) in _STATES.items()
        ],
    }  # fmt: skip
    return with_legend(option, [word for word, _ in _STATES.values()])


def _bad(cells: tuple[Rate, ...]) -> list[str]:
    states = Counter(state_of(rate) for rate in cells)
    return [f"{states[state]} times {state}" for state in ("degraded", "down") if states[state]]


def size_words(size: BucketSize) -> str:
    """How long one bucket is, in words."""
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
