"""The chart to decide by: quality with its interval, cost and slowness of every contestant."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from math import sqrt
from typing import TYPE_CHECKING

import streamlit as st

from core.pricing import format_usd
from pages.components.charts_card import Table, card
from pages.components.format import UNKNOWN, count, duration, share
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
    from analytics.ranking.decision import Standing
    from pages.components.leaderboard_reading import View

HEIGHT = 400
_SMALLEST, _LARGEST = 12, 40
_UNKNOWN_PX = 9
_EVEN_PX = 16
_PER_1000 = 1e-9
"""Pico-USD of an answer as US dollars of a thousand."""
_S_PER_US = 1e-6
_COST_SAYS = (
    "Who gives the most for the money? Line: the best for up to that cost. Larger: slower p95. "
    "Pale: another one is at least as good, cheap and fast."
)
_SPEED_SAYS = (
    "Who is good and fast? The cost of none is known. Line: the best for up to that p95 latency. "
    "Pale: another one is at least as good and fast."
)


def show_pareto(view: View) -> None:
    """Draws it, or says why there is nothing to draw."""
    found = view.board.decision.standings
    priced = any(one.quality is not None and one.mean_cost_pusd is not None for one in found)
    timed = any(one.quality is not None and one.p95_us for one in found)
    if not priced and not timed:
        st.caption(_nothing_known(view))
        return
    across = COST if priced else SLOWNESS
    points = points_of(view, across)
    apart = len(found) - len(points)
    rest = f" {apart} never compared with these are left out." if apart else ""
    with card(
        "pareto", "Quality, cost and speed" if priced else "Quality and speed",
        f"{_COST_SAYS if priced else _SPEED_SAYS}{rest}",
        definition="Quality: chance to win against the average contestant, with its 95 % interval. "
        "Cost: mean of completed answers whose cost is known. p95: the latency that 95 % of completed "
        "answers stay below.",
        data=partial(_table, view),
    ):  # fmt: skip
        st.echarts_chart(
            pareto(points, across), key="chart_pareto", height=HEIGHT, alt=_alt(points, across)
        )


def _nothing_known(view: View) -> str:
    only = "so that quality is all there is to decide by."
    if any(one.answers for one in view.board.decision.standings):
        return f"Neither cost nor speed is known of the answers of these contestants, {only}"
    return (
        "Cost and speed are known of answers that were asked here. Of these contestants there are "
        f"none, {only}"
    )


def points_of(view: View, across: Across = COST) -> list[Point]:
    """Of contestants that can be compared with one another: the group of which most is known."""
    of = {row.key: row.component for row in view.board.leaderboard.rows}
    rated = [one for one in view.board.decision.standings if one.quality is not None]
    known = Counter(of[one.key] for one in rated if _across(one, across) != NO_COST)
    shown = max(known, key=lambda group: (known[group], -group), default=0)
    rated = [one for one in rated if of[one.key] == shown]
    slowest = max((one.p95_us for one in rated if one.p95_us), default=None)
    return [_point(view, one, across, slowest) for one in rated]


def _across(one: Standing, across: Across) -> float | str:
    """US dollars of a thousand answers, or seconds."""
    if across is SLOWNESS:
        return one.p95_us * _S_PER_US if one.p95_us else NO_COST
    cost = one.mean_cost_pusd
    return NO_COST if cost is None else FREE if cost == 0 else cost * _PER_1000


def _point(view: View, one: Standing, across: Across, slowest: float | None) -> Point:
    quality, low, high = ((value or 0.0) * 100 for value in _interval(one))
    size: float = _UNKNOWN_PX
    if across is SLOWNESS:
        size = _EVEN_PX
    elif one.p95_us and slowest:
        size = _SMALLEST + (_LARGEST - _SMALLEST) * sqrt(one.p95_us / slowest)
    return Point(
        name=view.name(one.key),
        color=view.colors[one.key],
        cost=_across(one, across),
        quality=quality,
        low=low,
        high=high,
        size=round(size, 1),
        pale=not one.place.on_frontier,
        said=_said(view, one),
    )


def _interval(one: Standing) -> tuple[float | None, float | None, float | None]:
    return one.quality, one.quality_low, one.quality_high


def _said(view: View, one: Standing) -> str:
    cost = one.mean_cost_pusd
    p95 = duration(one.p95_us) if one.p95_us else UNKNOWN
    lines = [
        view.name(one.key),
        f"Wins {share(one.quality, 0)} against the average "
        f"({share(one.quality_low, 0)} to {share(one.quality_high, 0)}, n = {one.quality_n:,})",
        f"Cost {UNKNOWN if cost is None else format_usd(round(cost))} an answer, n = {one.cost_n:,}",
        f"p95 latency {p95}{'' if one.p95_sound or not one.p95_us else ' (few answers)'}, "
        f"n = {one.completed:,} of {one.answers:,} answers",
    ]
    if by := one.place.dominated_by:
        more = f" and {len(by) - 2} more" if len(by) > 2 else ""
        lines.append(f"Dominated by {', '.join(map(view.name, by[:2]))}{more}")
    return "\n".join(lines)


def _alt(points: Sequence[Point], across: Across) -> str:
    best = [one.name for one in points if not one.pale]
    return (
        f"Quality against {'cost and ' if across is COST else ''}p95 latency of {count(len(points))} contestants. "
        f"Not dominated: {', '.join(best)}."
    )


def _table(view: View) -> Table:
    header = (
        "contestant", "win_probability", "low", "high", "votes", "mean_cost_pusd", "cost_n",
        "p95_us", "completed", "dominated_by",
    )  # fmt: skip
    rows = [
        (
            view.name(one.key), one.quality, one.quality_low, one.quality_high, one.quality_n,
            one.mean_cost_pusd, one.cost_n, one.p95_us, one.completed,
            "; ".join(map(view.name, one.place.dominated_by)),
        )
        for one in view.board.decision.standings
    ]  # fmt: skip
    return header, rows
