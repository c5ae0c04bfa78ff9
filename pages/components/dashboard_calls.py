"""Charts of single model calls and of the hours of the week: what makes some of them slow."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from analytics.intervals import minimum_n
from analytics.queries import latency
from analytics.queries.latency import SCATTER_POINTS, WEEKS, Scatter, Stalls, Week
from pages.components.charts import HEIGHT
from pages.components.charts_card import Table, card
from pages.components.charts_parts import RateRow, height_of, rates
from pages.components.charts_spread import Cell, Dots, dots, heatmap
from pages.components.dashboard_charts import TOP
from pages.components.format import count, duration, share

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.catalog import Catalog
    from pages.components.dashboard_tab import Tab

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
ENOUGH_STREAMS = 20
_WEEK, _WEEK_CHOSEN = "week_quantile", "_week_quantile_chosen"


def show_first_tokens(tab: Tab) -> None:
    """Does a long prompt make people wait, or does something else?"""
    found = tab.answer(latency.first_token_points)
    cached = sum(bool(point.cached_tokens) for point in found.points)
    with card(
        "first-token-by-input",
        "First token by length of input",
        f"Do long prompts make people wait? {count(len(found.points))} of {count(found.of)} calls, "
        f"{count(cached)} of them with cached input (diamonds)",
        definition=f"Successful calls, at most {count(SCATTER_POINTS)}, taken evenly. Diamonds: a "
        "part of the input came from the provider's cache. Points that rise to the right: long "
        "prompts cost time. High points on the left: it was something else.",
        data=partial(_points_table, found),
        runs={"status": ["ok"]},
    ):
        if not found.points:
            st.info("No call of this range streamed a token.", icon=":material/hourglass_empty:")
            return
        st.echarts_chart(
            dots(scattered(found, tab.catalog), log=tab.log), key="chart_points", height=HEIGHT,
            alt=f"First token over input tokens of {len(found.points)} calls",
        )  # fmt: skip


def scattered(found: Scatter, catalog: Catalog) -> list[Dots]:
    """Points by model, most first; of many models the rest is one grey name."""
    by_model: dict[str, list[latency.Point]] = {}
    for point in found.points:
        by_model.setdefault(point.model, []).append(point)
    ranked = sorted(by_model, key=lambda model: -len(by_model[model]))
    rest = [point for model in ranked[TOP:] for point in by_model[model]]
    drawn = [
        _dots(catalog.display_name(model), catalog.color(model), by_model[model])
        for model in ranked[:TOP]
    ]
    return [*drawn, _dots(f"{len(ranked) - TOP} others", "#8A9499", rest)] if rest else drawn


def show_stalls(tab: Tab) -> None:
    """The share of streams that froze, by model."""
    found = tab.answer(latency.stalls_by_model)
    shown, total = found[:TOP], sum(row.stalled.n for row in found)
    froze = sum(row.stalled.k for row in found)
    more = f". Showing {len(shown)} of {len(found)} models" if len(found) > TOP else ""
    with card(
        "stalls",
        "Stalls by model",
        f"How often does text stop coming for more than a second? {count(froze)} of "
        f"{count(total)} streams{more}",
        definition="Successful streams with a gap of more than 1 s between two pieces / all whose gaps "
        "were measured, "
        f"with Wilson's 95 % interval. Dashed: fewer than {ENOUGH_STREAMS} streams.",
        data=partial(_stalls_table, found),
        runs={"status": ["ok"]},
    ):
        if not shown:
            st.info("No stream of this range was measured.", icon=":material/hourglass_empty:")
            return
        rows = [_stall_row(row, tab.catalog) for row in shown]
        st.echarts_chart(
            rates(rows), key="chart_stalls", height=max(HEIGHT, height_of(len(rows))),
            alt="Share of streams with a stall: " + ", ".join(row.said for row in rows),
        )  # fmt: skip


def show_week(tab: Tab) -> None:
    """When is it slow?"""
    found = _week(tab)
    q = f"p{found.q * 100:g}"
    few = any(one.n > 0 and not one.enough for hours in found.cells for one in hours)
    only = f" of the last {WEEKS} weeks" if found.shortened else ""
    with card(
        "hours-of-week",
        "Hours of the week",
        f"When is it slow? Run latency {q} by weekday and hour{only}, n = {count(found.n)} runs"
        + (f". Grey: fewer than {minimum_n(found.q)} runs, too few for {q}" if few else ""),
        definition=f"Successful runs by the hour they started in, {tab.zone.key}; within 1 %. "
        "The stronger the colour, the slower; an hour without runs is empty. Without a choice of "
        f"yours p95, or p50 when p95 would leave more than half of the hours grey.",
        data=partial(_week_table, found),
        control=_quantile,
        runs={"status": ["ok"]},
    ):
        cells = week_cells(found)
        st.echarts_chart(
            heatmap([f"{hour:02d}" for hour in range(24)], DAYS[::-1], cells, _ends(cells)),
            key="chart_week", height=HEIGHT, alt=_slowest_hour(found),
        )  # fmt: skip


def _week(tab: Tab) -> Week:
    """By the percentile that was chosen, else by the highest that most hours have enough runs for."""
    if st.session_state.get(_WEEK_CHOSEN):
        return tab.answer(latency.hours_of_week, float(st.session_state[_WEEK][1:]) / 100)
    found = tab.answer(latency.hours_of_week, 0.95)
    if not mostly_enough(found):
        found = tab.answer(latency.hours_of_week, 0.5)
    st.session_state[_WEEK] = f"p{found.q * 100:g}"
    return found


def mostly_enough(found: Week) -> bool:
    """Whether at least half of the hours with runs have enough of them."""
    used = [one for hours in found.cells for one in hours if one.n]
    return 2 * sum(one.enough for one in used) >= len(used)


def _ends(cells: Sequence[Cell]) -> tuple[str, str]:
    known = [cell.weight for cell in cells if cell.weight is not None]
    return duration(min(known, default=None)), duration(max(known, default=None))


def week_cells(found: Week) -> list[Cell]:
    """Cells with runs; those with too few have no weight."""
    return [
        Cell(
            column=hour, row=6 - day,
            weight=one.value if one.enough and one.value is not None else None,
            said=f"{DAYS[day]} {hour:02d}:00, "
            + (f"{duration(one.value)}, n = {count(one.n)}" if one.enough
               else f"n too small ({count(one.n)} of {minimum_n(found.q)})"),
        )
        for day, hours in enumerate(found.cells)
        for hour, one in enumerate(hours)
        if one.n
    ]  # fmt: skip


def _slowest_hour(found: Week) -> str:
    known = [
        (one.value, day, hour)
        for day, hours in enumerate(found.cells)
        for hour, one in enumerate(hours)
        if one.enough and one.value is not None
    ]
    if not known:
        return "Latency by hour of the week: too few runs in every hour"
    value, day, hour = max(known)
    return f"Latency by hour of the week; slowest {DAYS[day]} {hour:02d}:00 with {duration(value)}"


def _quantile() -> None:
    st.segmented_control(
        "Which percentile", ["p50", "p95"], key=_WEEK, required=True, on_change=_choose_quantile,
        label_visibility="collapsed", width="content",
    )  # fmt: skip


def _choose_quantile() -> None:
    st.session_state[_WEEK_CHOSEN] = True


def _dots(name: str, color: str, points: Sequence[latency.Point]) -> Dots:
    plain, special = (
        [
            (float(point.input_tokens), point.first_token_us / 1e6)
            for point in points
            if bool(point.cached_tokens) is cached
        ]
        for cached in (False, True)
    )
    return Dots(name=name, color=color, points=plain, special=special)


def _stall_row(row: Stalls, catalog: Catalog) -> RateRow:
    name, part = catalog.display_name(row.model), row.stalled
    frozen = share(row.stall_us / row.stream_us) if row.stream_us else "none"
    return RateRow(
        name=name,
        color=catalog.color(row.model),
        share=part.share or 0.0,
        interval=part.interval or (0.0, 0.0),
        said=f"{name}: {share(part.share)}, {count(part.k)} of {count(part.n)} streams, "
        f"{frozen} of their time",
        sound=part.n >= ENOUGH_STREAMS,
    )


def _points_table(found: Scatter) -> Table:
    return ["model", "input_tokens", "cached_tokens", "first_token_us"], [
        [p.model, p.input_tokens, p.cached_tokens, p.first_token_us] for p in found.points
    ]


def _stalls_table(found: tuple[Stalls, ...]) -> Table:
    return ["model", "streams", "with_a_stall", "stall_us", "stream_us"], [
        [row.model, row.stalled.n, row.stalled.k, row.stall_us, row.stream_us] for row in found
    ]


def _week_table(found: Week) -> Table:
    return ["weekday", "hour", f"p{found.q * 100:g}_us", "runs"], [
        [DAYS[day], hour, one.value, one.n]
        for day, hours in enumerate(found.cells)
        for hour, one in enumerate(hours)
    ]
