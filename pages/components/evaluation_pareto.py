"""Quality, cost and speed of the configurations of an evaluation: a chart to decide by, with its data."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from math import sqrt
from typing import TYPE_CHECKING, Any

import streamlit as st

from pages.components.charts import GREY
from pages.components.charts_card import Table, card
from pages.components.format import UNKNOWN, duration, share, usd
from pages.components.leaderboard_pareto_chart import (
    COST,
    FREE,
    NO_COST,
    SLOWNESS,
    Across,
    Point,
    pareto,
)

if TYPE_CHECKING:
    from agents.runtime import Runtime
    from analytics.ranking.decision import Standing
    from analytics.ranking.frontier import Place
    from pages.components.evaluation_reading import Loaded
    from pages.components.evaluation_results import Row

HEIGHT = 380
_SMALLEST, _LARGEST, _EVEN = 12, 40, 16
_PER_1000 = 1e-9
"""Pico-USD of an answer as US dollars of a thousand."""
_S_PER_US = 1e-6


def show_pareto(runtime: Runtime, loaded: Loaded, rows: Sequence[Row]) -> None:
    """Draws it when at least two configurations have a pass rate and something to set it against."""
    known = [row for row in rows if row.standing.quality is not None]
    priced = any(row.standing.mean_cost_pusd for row in known)
    if len(known) < 2 or not (priced or any(row.standing.p95_us for row in known)):
        return
    across = COST if priced else SLOWNESS
    models = {one.key: one.model for one in loaded.evaluation.plan.configurations}
    colors = {key: runtime.catalog.color(model) if model else GREY for key, model in models.items()}
    points = points_of(known, colors, across)
    best = ", ".join(one.name for one in points if not one.pale)
    with card(
        f"evaluation_pareto_{loaded.evaluation.id}",
        "Quality, cost and speed" if priced else "Quality and speed",
        "Line: the best for up to that cost. Larger: slower p95. Pale: another one is at least as "
        "good, cheap and fast." if priced else
        "None is known to cost anything. Line: the best for up to that p95. Pale: "
        "another one is at least as good, cheap and fast.",
        definition="Quality: the pass rate with its 95 % interval. Cost: mean of answers whose cost "
        "is known. p95: the time that 95 % of answers stay below.",
        data=partial(_table, known),
    ):  # fmt: skip
        st.echarts_chart(
            _named(pareto(points, across)), key=f"chart_{loaded.evaluation.id}", height=HEIGHT,
            alt=f"Pass rate against {across.name}. Not dominated: {best}.",
        )  # fmt: skip


def points_of(rows: Sequence[Row], colors: dict[str, str], across: Across = COST) -> list[Point]:
    """Of contestants with a pass rate, in their order. `colors` by their keys."""
    slowest = max((row.standing.p95_us for row in rows if row.standing.p95_us), default=None)
    return [
        _point(row, place, colors[row.standing.key], across, slowest)
        for row, place in zip(rows, _places(rows), strict=True)
    ]


def _places(rows: Sequence[Row]) -> list[Place]:
    from analytics.ranking.frontier import Contestant, frontier

    return frontier(
        [
            Contestant(
                name=row.name,
                quality=row.standing.quality,
                cost=row.standing.mean_cost_pusd,
                p95=row.standing.p95_us,
            )
            for row in rows
        ]
    )


def _point(row: Row, place: Place, color: str, across: Across, slowest: float | None) -> Point:
    one = row.standing
    quality, low, high = (
        (value or 0.0) * 100 for value in (one.quality, one.quality_low, one.quality_high)
    )
    size: float = _EVEN if across is SLOWNESS else _SMALLEST
    if across is COST and one.p95_us and slowest:
        size = _SMALLEST + (_LARGEST - _SMALLEST) * sqrt(one.p95_us / slowest)
    return Point(
        name=row.name,
        color=color,
        cost=_across(one, across),
        quality=quality,
        low=low,
        high=high,
        size=round(size, 1),
        pale=not place.on_frontier,
        said=_said(row, place),
    )


def _across(one: Standing, across: Across) -> float | str:
    """US dollars of a thousand answers, or seconds."""
    if across is SLOWNESS:
        return one.p95_us * _S_PER_US if one.p95_us else NO_COST
    cost = one.mean_cost_pusd
    return NO_COST if cost is None else FREE if cost == 0 else cost * _PER_1000


def _said(row: Row, place: Place) -> str:
    one = row.standing
    few = "" if one.p95_sound or not one.p95_us else " (few answers)"
    lines = [
        row.name,
        f"Passed {share(one.quality)} ({share(one.quality_low)} to {share(one.quality_high)}, "
        f"n = {one.quality_n:,})",
        f"Cost {usd(one.mean_cost_pusd)} an answer, n = {one.cost_n:,}",
        f"p95 {duration(one.p95_us) if one.p95_us else UNKNOWN}{few}, n = {one.completed:,}",
    ]
    if by := place.dominated_by:
        lines.append(f"Dominated by {', '.join(by[:2])}")
    return "\n".join(lines)


def _named(option: dict[str, Any]) -> dict[str, Any]:
    """The chart is that of votes; here its quality is something else."""
    axes = [axis | {"name": "pass rate"} if axis.get("name") else axis for axis in option["yAxis"]]
    return option | {"yAxis": axes}


def _table(rows: Sequence[Row]) -> Table:
    header = (
        "configuration", "pass_rate", "low", "high", "answers", "mean_cost_pusd", "cost_n", "p95_us",
        "completed", "dominated_by",
    )  # fmt: skip
    cells = [
        (
            row.name, one.quality, one.quality_low, one.quality_high, one.quality_n,
            one.mean_cost_pusd, one.cost_n, one.p95_us, one.completed, "; ".join(place.dominated_by),
        )
        for row, place in zip(rows, _places(rows), strict=True)
        for one in (row.standing,)
    ]  # fmt: skip
    return header, cells
