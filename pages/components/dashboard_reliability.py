"""The tab Reliability: what fails, how often, what becomes of it, and what it costs in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from analytics.metrics import DEFINITIONS, Rate
from analytics.queries.reliability import (
    Delay,
    StopSeries,
    TroubleReport,
    delay,
    stops,
    trouble,
)
from pages.components.dashboard_cost_parts import Tile, comparable, show_tiles
from pages.components.dashboard_reliability_errors import show_error_types, show_errors
from pages.components.dashboard_reliability_funnel import show_funnel, show_stops
from pages.components.dashboard_reliability_rates import show_rate, show_status
from pages.components.format import count, duration, share

if TYPE_CHECKING:
    from pages.components.dashboard_tab import Tab


def show(tab: Tab) -> None:
    """Draws the tab. Raises StorageError."""
    show_tiles(
        "reliability_tiles",
        [
            *tiles(tab.answer(trouble), tab.answer(delay), changes=comparable(tab)),
            stop_tile(tab.answer(stops)),
        ],
    )
    with st.grid(2, min_column_width=360, gap="small", key="reliability_rates"):
        show_rate(tab, "call")
        show_rate(tab, "run")
    show_status(tab)
    with st.grid(2, min_column_width=360, gap="small", key="reliability_charts"):
        show_errors(tab)
        show_funnel(tab)
    show_error_types(tab)
    show_stops(tab)


def tiles(report: TroubleReport, lost: Delay, *, changes: bool) -> list[Tile]:
    """The figures above the charts, compared with the period before when it was recorded."""
    now, before = report.current, report.previous if changes else None

    def tile(label: str, name: str, help: str, better: str = "down") -> Tile:
        rate: Rate = getattr(now, name)
        old: Rate | None = getattr(before, name) if before else None
        return Tile(
            label=label, value=None if rate.share is None else share(rate.share),
            note=interval(rate), help=f"{help} The range is Wilson's 95 % interval.",
            now=rate.share, before=old.share if old else None, better=better, points=True,
        )  # fmt: skip

    enough = "" if lost.p50.enough else f", too few to tell (longest {duration(lost.p50.maximum)})"
    return [
        tile("Attempt error rate", "attempts", DEFINITIONS["attempt_error_rate"]),
        tile("Run failure rate", "runs", DEFINITIONS["failure_rate"]),
        tile(
            "Rescued", "rescued", "Runs that succeeded / runs with at least one failed attempt.", "up"
        ),
        tile("Fallback rate", "fallbacks", DEFINITIONS["fallback_rate"]),
        tile(
            "Stopped", "stopped", "Runs stopped by a person / all runs. A stop is not an error.", "neither"
        ),
        Tile(
            label="Time lost to failures", value=duration(lost.p50.value) if lost.p50.n else None,
            note=f"p50 of n = {count(lost.p50.n)} runs{enough}, {duration(lost.total_us)} in all",
            help="What the failed attempts of a run took, of the runs that had one: the latency that "
            "retries and fallbacks add.", better="neither",
        ),
    ]  # fmt: skip


def stop_tile(series: StopSeries) -> Tile:
    """Whether a stop stops: what still came, and how soon the provider was cut off."""
    within = f", cut off within {duration(series.p95.value)} (p95)" if series.p95.enough else ""
    return Tile(
        label="Tokens after Stop",
        value=count(series.tokens_after) if series.timed else None,
        note=f"in {count(series.timed)} stopped runs{within}"
        if series.timed
        else "nothing stopped",
        help="Pieces of text, which are mostly tokens, that still reached an answer between the request "
        "to stop and the moment the provider's connection was closed.",
        better="neither",
    )


def interval(rate: Rate) -> str:
    """A rate's interval and what it rests on, in words."""
    if rate.interval is None:
        return "nothing to count"
    low, high = rate.interval
    return f"{low * 100:.1f}–{high * 100:.1f} %, {count(rate.k)} of {count(rate.n)}"
