"""What became of failed attempts, and how fast a run stops when it is told to."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from analytics.queries.reliability import Delay, Funnel, StopSeries, delay, funnel, stops
from pages.components.charts import Count, Series, bars
from pages.components.charts_axes import NEUTRALS, ONES, bucket_labels
from pages.components.charts_card import Table, card
from pages.components.dashboard_cost_parts import Stack, bucket_table, draw, rows, whole
from pages.components.format import count, duration, share

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from analytics.metrics import Percentile
    from pages.components.dashboard_tab import Tab

_STAGES = {
    "Failed attempts": "failed",
    "Tried again": "gone_on",
    "Rescued, same model": "rescued_same",
    "Rescued, other model": "rescued_other",
    "Stopped meanwhile": "left",
    "Lost": "lost",
}
_STOPPED = "#8A9499"


def show_funnel(tab: Tab) -> None:
    found, lost = tab.answer(funnel), tab.answer(delay)
    attempts, failed = sum(row.attempts for row in found), sum(row.failed for row in found)
    troubled = sum(row.troubled for row in found)
    rescued = sum(row.rescued_same + row.rescued_other for row in found)
    with card(
        "fallback-funnel", "What became of failures",
        f"Do retries and fallbacks save the answer? n = {count(attempts)} attempts, {count(failed)} "
        f"failed in {count(troubled)} operations, {_part(rescued, troubled)} of them rescued. "
        f"Time lost: {_time(lost)}",
        definition="By the provider an operation asked first. Failed and tried again count attempts; "
        "rescued, stopped and lost count operations (all attempts at one answer or decision) by how "
        "their last attempt ended. A run can survive a lost operation. Time lost: what the failed "
        "attempts of a run took, of runs that had one.",
        data=partial(_funnel_table, found, lost), runs={},
    ):  # fmt: skip
        used = [row for row in found if row.failed]
        if not used:
            st.success("No attempt failed in this range.", icon=":material/check_circle:")
            return
        drawn = [
            Stack(
                name=row.provider, color=NEUTRALS[k % len(NEUTRALS)],
                values=[getattr(row, name) for name in _STAGES.values()],
                said=[f"{stage} {getattr(row, name):,}" for stage, name in _STAGES.items()],
            )
            for k, row in enumerate(used)
        ]  # fmt: skip
        spoken = f"{count(failed)} failed attempts, {count(rescued)} operations rescued"
        draw("funnel", rows(list(_STAGES), drawn, ONES), f"What became of failures: {spoken}")


def show_stops(tab: Tab) -> None:
    series = tab.answer(stops)
    stopped = sum(series.stopped)
    speed = (
        f"Until the provider was cut off: p50 {_percentile(series.p50)}, p95 {_percentile(series.p95)} "
        f"(n = {count(series.timed)}), {count(series.tokens_after)} tokens came after Stop"
        if series.timed
        else "no time to stop was measured"
    )
    with card(
        "stops", "Stopped runs",
        f"Who gives up waiting, and does a stop stop? {count(stopped)} of n = "
        f"{count(sum(series.runs))} runs. {speed}",
        definition="Runs that a person or a client stopped; not errors. The time to stop is from the "
        "request until the provider's connection was closed. Tokens after Stop are the pieces of text, "
        "mostly one token each, that still came in between.",
        data=partial(_stop_table, series, tab.zone), runs={"status": ["cancelled"]},
    ):  # fmt: skip
        drawn = [
            Series(name="Stopped", color=_STOPPED, values=series.stopped, sound=whole(series.buckets))
        ]  # fmt: skip
        option = bars(
            bucket_labels(series.buckets, series.size, tab.zone), drawn, ONES,
            [
                Count(name="Runs", values=series.runs),
                Count(name="Tokens after Stop", values=series.late),
            ],
        )  # fmt: skip
        draw("stops", option, f"Stopped runs over time: {count(stopped)} in all", 210)


def _part(part: int, of: int) -> str:
    return share(part / of) if of else "none"


def _time(lost: Delay) -> str:
    if not lost.p50.n:
        return "none"
    return f"p50 {_percentile(lost.p50)}, p95 {_percentile(lost.p95)}, n = {count(lost.p50.n)} runs"


def _percentile(p: Percentile) -> str:
    return duration(p.value) if p.enough else f"unknown (n too small, max {duration(p.maximum)})"


def _funnel_table(found: Sequence[Funnel], lost: Delay) -> Table:
    names = ["attempts", *_STAGES.values(), "troubled"]
    total = ["all", *(sum(getattr(row, name) for row in found) for name in names), lost.total_us]
    body = [[row.provider, *(getattr(row, name) for name in names), None] for row in found]
    return ["asked_first", *names, "failed_attempts (us)"], [*body, total]


def _stop_table(series: StopSeries, zone: ZoneInfo) -> Table:
    columns = {"stopped": series.stopped, "runs": series.runs, "tokens_after_stop": series.late}
    return bucket_table(series.buckets, zone, columns)
