"""Tab Latency: how long people wait, with which model, when, and where the time goes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from analytics.intervals import minimum_n
from analytics.metrics import DEFINITIONS
from analytics.queries import groups, latency, over_time, views
from analytics.queries.latency import BOX, Ecdf, Heatmap, SpeedBox
from pages.components.charts import HEIGHT
from pages.components.charts_axes import bucket_labels
from pages.components.charts_card import BUCKET_HEADER, Cell, Table, bucket_cells, card
from pages.components.charts_parts import height_of
from pages.components.charts_spread import Box, Curve, boxes, curves, heatmap
from pages.components.charts_spread import Cell as HeatCell
from pages.components.dashboard_calls import show_first_tokens, show_stalls, show_week
from pages.components.dashboard_charts import TOP, show_percentiles
from pages.components.dashboard_runs import show_slowest
from pages.components.dashboard_shares import show_shares
from pages.components.dashboard_slo import show_slo
from pages.components.format import count, duration, share

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from core.catalog import Catalog
    from pages.components.dashboard_tab import Tab

QUANTILES = (0.5, 0.95, 0.99)
_FEW = f"Dashed: fewer than {minimum_n(0.95)} calls."


def show(tab: Tab) -> None:
    """Draws the tab. Raises StorageError."""
    zone, catalog = tab.zone, tab.catalog
    marks = tab.answer(views.marks)
    with st.grid(2, min_column_width=360, gap="small", key="latency"):
        show_percentiles(
            "ttft", "Time to first token", "How long do people wait for the first word?",
            tab.answer(over_time.percentiles_over_time, "first_token_us", QUANTILES), zone,
            log=tab.log, marks=marks,
        )  # fmt: skip
        show_percentiles(
            "latency", "Run latency", "How long until an answer is complete?",
            tab.answer(over_time.percentiles_over_time, "duration_us", QUANTILES), zone,
            log=tab.log, marks=marks,
        )  # fmt: skip
        show_slo(tab)
        show_shares(tab.answer(groups.time_shares))
        show_ecdf(
            tab.answer(latency.first_tokens_by_model),
            catalog,
            tab.runtime.settings.slo_first_token_s,
        )
        show_speed(tab.answer(latency.speed_by_model), catalog)
        show_heatmap(tab.answer(latency.duration_heatmap), zone)
        show_week(tab)
        show_first_tokens(tab)
        show_stalls(tab)
    show_slowest(tab)


def show_ecdf(found: Ecdf, catalog: Catalog, limit_s: float) -> None:
    """The share of calls within any limit, one line per model."""
    total = sum(found.n.values())
    shown = list(found.shares)[:TOP]
    more = f". Showing {len(shown)} of {len(found.n)} models" if len(found.n) > TOP else ""
    with card(
        "ttft-by-model",
        "First token by model",
        f"How many calls had their first token within a limit? n = {count(total)}{more}",
        definition="From the request to the first token; successful streamed attempts. A point "
        f"(x, y) says: y of the calls took at most x. {_FEW}",
        data=partial(_ecdf_table, found),
        runs={"status": ["ok"]},
    ):
        if not shown:
            st.info("No call of this range streamed a token.", icon=":material/hourglass_empty:")
            return
        drawn = [
            Curve(
                name=catalog.display_name(model),
                color=catalog.color(model),
                points=[
                    (us / 1e6, part)
                    for us, part in zip(found.limits_us, found.shares[model], strict=True)
                ],
                sound=found.n[model] >= minimum_n(0.95),
            )
            for model in shown
        ]
        spoken = ", ".join(
            f"{catalog.display_name(model)} {share(share_within(found, model, limit_s * 1e6))}"
            for model in shown
        )
        st.echarts_chart(
            curves(drawn, limit_s=limit_s), key="chart_ecdf", height=HEIGHT,
            alt=f"Share of calls with a first token within {limit_s:g} s: {spoken}",
        )  # fmt: skip


def share_within(found: Ecdf, model: str, limit_us: float) -> float:
    """The share of a model's calls within the largest drawn limit up to this one."""
    reached = [
        part
        for us, part in zip(found.limits_us, found.shares[model], strict=True)
        if us <= limit_us
    ]
    return reached[-1] if reached else 0.0


def show_speed(found: tuple[SpeedBox, ...], catalog: Catalog) -> None:
    """How fast text comes once it comes."""
    shown, total = found[:TOP], sum(box.n for box in found)
    more = f". Showing {len(shown)} of {len(found)} models" if len(found) > TOP else ""
    with card(
        "decode-speed",
        "Decode speed by model",
        f"How fast does text come once it has begun? n = {count(total)} calls{more}",
        definition="1 / time per output token, and that is (last token − first token) / (tokens − 1) "
        "of a successful call. Line: median; box: middle half of the calls; ends: p5 and p95. "
        f"{_FEW}",
        data=partial(_speed_table, found),
        runs={"status": ["ok"]},
    ):
        if not shown:
            st.info("No call of this range has a speed.", icon=":material/hourglass_empty:")
            return
        drawn = [
            Box(
                name=catalog.display_name(box.model), color=catalog.color(box.model),
                values=_per_second(box), sound=box.n >= minimum_n(0.95),
            )
            for box in shown
        ]  # fmt: skip
        spoken = ", ".join(f"{box.name} {box.values[2]:.0f}" for box in drawn)
        st.echarts_chart(
            boxes(drawn, "tokens/s"), key="chart_speed", height=max(HEIGHT, height_of(len(drawn))),
            alt=f"Median tokens per second: {spoken}",
        )  # fmt: skip


def show_heatmap(found: Heatmap, zone: ZoneInfo) -> None:
    """Time by latency: two ways of being slow are two bands."""
    with card(
        "latency-heatmap",
        "Latency heatmap",
        f"Is there more than one kind of slow? n = {count(found.n)} runs",
        definition=f"{DEFINITIONS['latency']} Each row is a range of durations, evenly spaced on a "
        "logarithmic scale; the stronger the colour, the more runs.",
        data=partial(_heatmap_table, found, zone),
        runs={"status": ["ok"]},
    ):
        if not found.n:
            st.info("No run of this range has completed.", icon=":material/hourglass_empty:")
            return
        columns = bucket_labels(found.buckets, found.size, zone)
        rows = [duration(us) for us in found.edges_us[:-1]]
        cells = [
            HeatCell(
                column=x, row=y, weight=n**0.5,
                said=f"{columns[x]}: {count(n)} runs of {rows[y]} to {duration(found.edges_us[y + 1])}",
            )
            for x, column in enumerate(found.counts)
            for y, n in enumerate(column)
            if n
        ]  # fmt: skip
        most = max(max(column) for column in found.counts)
        st.echarts_chart(
            heatmap(columns, rows, cells, ("1 run", f"{count(most)} runs")), key="chart_heatmap", height=HEIGHT,
            alt=f"Runs by start and duration, from {rows[0]} to {rows[-1]}",
        )  # fmt: skip


def _per_second(box: SpeedBox) -> tuple[float, float, float, float, float]:
    """Slowest first: a high time per token is a low speed."""
    p5, p25, p50, p75, p95 = (1e6 / us if us else 0.0 for us in reversed(box.tpot_us))
    return p5, p25, p50, p75, p95


def _ecdf_table(found: Ecdf) -> Table:
    rows: list[list[Cell]] = [
        [us, *(parts[k] for parts in found.shares.values())] for k, us in enumerate(found.limits_us)
    ]
    return ["first_token_us (at most)", *(f"{m} (n = {found.n[m]})" for m in found.shares)], rows


def _speed_table(found: tuple[SpeedBox, ...]) -> Table:
    header = ["model", "calls", *(f"tpot_us p{q * 100:g}" for q in BOX)]
    return header, [[box.model, box.n, *box.tpot_us] for box in found]


def _heatmap_table(found: Heatmap, zone: ZoneInfo) -> Table:
    starts = bucket_cells(found.buckets, zone)
    header = [*BUCKET_HEADER, *(f"from {us} us" for us in found.edges_us[:-1])]
    return header, [[*start, *row] for start, row in zip(starts, found.counts, strict=False)]
